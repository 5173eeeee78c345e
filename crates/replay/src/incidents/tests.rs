use std::path::PathBuf;

use jiff::SignedDuration;

use super::Incidents;
use crate::{Deed, Status};

#[test]
fn every_incident_becomes_a_schedule_that_ends_closed() {
    let Some(incidents) = load() else { return };
    assert_eq!(incidents.incidents.len(), 445);
    let rows: usize = incidents.incidents.iter().map(|incident| incident.rows.len()).sum();
    assert_eq!(rows, 3019);
    for incident in &incidents.incidents {
        let mut status = Status::New;
        let mut last = SignedDuration::ZERO;
        for step in &incident.steps {
            assert!(last <= step.after, "{} goes back in time", incident.number);
            last = step.after;
            if let Deed::Edit { edit, .. } = &step.deed {
                status = edit.status.clone().unwrap_or(status);
            }
        }
        assert_eq!(status, Status::Closed, "{}", incident.number);
    }
}

#[test]
fn the_schedules_show_what_the_data_is_known_for() {
    let Some(incidents) = load() else { return };
    let holders = |number: usize| {
        let steps = incidents.incidents[number].steps.iter();
        let holders = steps.filter_map(|step| match &step.deed {
            Deed::Edit { by, edit } => edit.holder.clone().map(|holder| (by.clone(), holder)),
            _ => None,
        });
        holders.collect::<Vec<_>>()
    };
    let all: Vec<_> = (0..445).map(holders).collect();
    let never = all.iter().filter(|it| it.iter().all(|(_, holder)| holder.is_none())).count();
    let again = all.iter().filter(|it| it.iter().any(|(_, holder)| holder.is_none())).count();
    let own = all.iter().flatten().filter(|(by, holder)| holder.as_ref() == Some(by)).count();
    let others = all
        .iter()
        .flatten()
        .filter(|(by, holder)| holder.is_some() && holder.as_ref() != Some(by))
        .count();
    // Ninety-two of them are never given to a person, which is about a fifth.
    assert_eq!((never, again, incidents.recognised()), (92, 44, 90));
    assert!(own > 100 && others > 100, "{own} taken, {others} given");
}

fn load() -> Option<Incidents> {
    let path: PathBuf = Incidents::find()?;
    Some(Incidents::load(&path).expect("the incidents"))
}
