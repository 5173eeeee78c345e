//! Trial the way back: every write that is not done already, and the look that says that the action is gone.

use belay_domain::{Outcome, ReadBack};
use belay_playbook::Reads;

use super::{LOOK_EVERY, Trial, request};

impl Trial<'_> {
    pub(super) async fn undo(&mut self, standing: &str) {
        let mut details = Vec::new();
        let well = match self.undone(standing, &mut details).await {
            Ok(()) => true,
            Err(why) => {
                details.push(why);
                false
            }
        };
        self.stage("compensation", well, details);
    }

    /// Makes each write of the way back that is not done already, and waits until the action is gone.
    async fn undone(&self, standing: &str, details: &mut Vec<String>) -> Result<(), String> {
        let (id, case) = (self.contract.id(), &self.case);
        let way = self.playbook.way_back(id, &self.input, case, standing);
        let mut way = way.map_err(|error| error.to_string())?;
        for step in 0..way.writes() {
            let look = way.look(step).map_err(|error| error.to_string())?;
            let name = way.name(step).to_owned();
            if !name.is_empty()
                && let ReadBack::Applied { .. } = way.see(step, &self.systems.read(&look).await)
            {
                details.push(format!("{name}: it is done already"));
                continue;
            }
            let mut reads = Reads::default();
            loop {
                let open = way.reads(step, &reads).map_err(|error| error.to_string())?;
                if open.is_empty() {
                    break;
                }
                for read in open {
                    let answer = self.systems.read(&read).await;
                    reads.add(&read, answer);
                }
            }
            let write = way.write(step, &reads).map_err(|error| error.to_string())?;
            details.extend(request(&write));
            if let Outcome::NotExecuted { reason, .. } = self.send(&write).await {
                details.push(reason);
            }
            if name.is_empty() {
                continue;
            }
            let until = self.until();
            loop {
                let shows = way.see(step, &self.systems.read(&look).await);
                if matches!(shows, ReadBack::Applied { .. }) {
                    break;
                }
                if tokio::time::Instant::now() >= until {
                    return Err(format!("{name}: {}; undo it by hand", shown_of(&shows)));
                }
                tokio::time::sleep(LOOK_EVERY).await;
            }
        }
        let proof = way.proof().map_err(|error| error.to_string())?;
        let until = self.until();
        loop {
            let shows = way.judge(&self.systems.read(&proof).await);
            if matches!(shows, ReadBack::Applied { .. }) {
                details.push("it is undone".to_owned());
                return Ok(());
            }
            if tokio::time::Instant::now() >= until {
                return Err(format!("{}; undo it by hand", shown_of(&shows)));
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }
}

fn shown_of(shows: &ReadBack) -> String {
    match shows {
        ReadBack::Applied { .. } => "it is undone".to_owned(),
        ReadBack::NotApplied => "it is still there".to_owned(),
        ReadBack::Different { difference } => difference.clone(),
        ReadBack::Unreadable { detail } => format!("nobody can tell: {detail}"),
    }
}
