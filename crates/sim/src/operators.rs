//! Operators: they change the playbook and load it while everything runs, and take an agent out of it and back in.
//!
//! What another playbook let through must not be carried out (`APR-5`, `PRM-3`), and an agent that is in it no more
//! gets nothing. The auditor knows from when on each playbook was in force.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use belay_api::v1;
use belay_api::v1::playbook_service_client::PlaybookServiceClient;
use belay_playbook::Playbook;
use belay_transport::issuer::DevIssuer;
use belay_transport::person::Person;
use belay_transport::spiffe::TrustDomain;

use crate::api::{self, Channel};
use crate::people::TENANT;
use crate::world::{Moment, World};

/// The agent that a playbook without it leaves out.
pub(crate) const LEFT_OUT: &str = "helper-3";

/// A playbook of these worlds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Edition {
    /// As it is written.
    First,
    /// Without one of the agents, and with less credit that needs nobody.
    Stricter,
}

/// From when on a playbook was in force.
#[derive(Clone, Debug)]
pub(crate) struct InForce {
    pub(crate) edition: Edition,
    /// Its version.
    pub(crate) version: String,
    /// When it was answered that it is; or, if that is not certain, when it was going to be.
    pub(crate) since: Moment,
    pub(crate) certain: bool,
}

/// The playbooks that may have been in force about this moment.
pub(crate) fn about(in_force: &[InForce], moment: Moment, slack: Duration) -> &[InForce] {
    let last = in_force.iter().rposition(|found| found.certain && found.since + slack <= moment);
    let begun = &in_force[last.unwrap_or(0)..];
    let end = begun.iter().position(|found| found.since > moment + slack);
    &begun[..end.unwrap_or(begun.len())]
}

impl Edition {
    fn other(self) -> Self {
        match self {
            Self::First => Self::Stricter,
            Self::Stricter => Self::First,
        }
    }

    /// It, loaded. Loading takes as long as a good part of a run, so each is loaded once.
    pub(crate) fn loaded(self) -> Result<Arc<Playbook>, String> {
        static LOADED: [OnceLock<Result<Arc<Playbook>, String>>; 2] =
            [OnceLock::new(), OnceLock::new()];
        let load = || {
            let place = tempfile::tempdir().map_err(|error| error.to_string())?;
            self.write(place.path()).map_err(|error| error.to_string())?;
            Playbook::load(place.path()).map(Arc::new).map_err(|problems| problems.to_string())
        };
        LOADED[usize::from(self != Self::First)].get_or_init(load).clone()
    }

    /// Writes it into a folder.
    pub(crate) fn write(self, folder: &Path) -> std::io::Result<()> {
        copy(&original(), folder)?;
        if self == Self::Stricter {
            edit(&folder.join("agents.yaml"), |text| {
                let lines = text.lines().filter(|line| !line.contains(LEFT_OUT));
                lines.map(|line| format!("{line}\n")).collect()
            })?;
            let policies = folder.join("policies/helper.cedar");
            edit(&policies, |text| {
                text.replace("context.amount <= 2000", "context.amount <= 500")
            })?;
        }
        Ok(())
    }
}

fn original() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("playbook")
}

fn edit(file: &Path, change: impl FnOnce(String) -> String) -> std::io::Result<()> {
    std::fs::write(file, change(std::fs::read_to_string(file)?))
}

fn copy(from: &Path, to: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &target)?;
        } else {
            std::fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}

/// Loads another playbook now and then, as long as there is trouble.
pub(crate) async fn reload(
    world: World,
    api: Channel,
    domain: TrustDomain,
    issuer: Arc<DevIssuer>,
    times: Vec<Moment>,
) {
    let times = times.into_iter().filter(|at| *at > world.now());
    for (number, at) in times.collect::<Vec<_>>().into_iter().enumerate() {
        tokio::time::sleep(at.saturating_sub(world.now())).await;
        let person = Person {
            id: "otto".to_owned(),
            groups: vec!["operators".to_owned()],
            tenant: TENANT.to_owned(),
        };
        let Ok(token) = issuer.issue_token(&person, Duration::from_secs(3_600), world.wall())
        else {
            continue;
        };
        let edition = world.look().edition.other();
        if let Err(error) = edition.write(&world.playbook()) {
            world.look().wrong("STA a playbook can be written", error);
            return;
        }
        let version = edition.loaded().map(|loaded| loaded.version().to_string());
        {
            // From here on a supervisor that starts finds it.
            let mut state = world.look();
            state.edition = edition;
            let (version, since) = (version.unwrap_or_default(), state.now());
            state.in_force.push(InForce { edition, version, since, certain: false });
        }
        let mut client =
            PlaybookServiceClient::new(api::channel(&api, &domain, api::Who::Person(&token)));
        let request_id = format!("otto-{}-{number}", world.now().as_micros());
        let request = v1::ReloadPlaybookRequest { request_id, dry_run: false };
        let answer = client.reload_playbook(request).await;
        let mut state = world.look();
        match answer {
            Ok(answer) => {
                let version = answer.into_inner().playbook.map(|loaded| loaded.version);
                let version = version.unwrap_or_default();
                state.tell(|| format!("the playbook is {edition:?} now: {version}"));
                state.tally.count("operators: playbooks loaded");
                if edition == Edition::Stricter {
                    state.tally.count("operators: agents taken out");
                }
                let since = state.now();
                state.in_force.push(InForce { edition, version, since, certain: true });
            }
            Err(status) => {
                state.tally.count(&format!("refused to operators: {:?}", status.code()));
            }
        }
    }
}
