//! Where contracts stand: what was counted of them, beside what they have to show.

use std::time::Duration;

use belay_api::v1;
use belay_api::v1::ErrorReason;

use super::Service;
use crate::wire::{Fault, to_wire};

/// How long is waited until the journal has been counted for the first time.
const COUNTED_WITHIN: Duration = Duration::from_secs(10);

/// The whole answer.
pub(super) async fn answer(
    service: &Service,
    request: v1::ListStandingsRequest,
) -> Result<v1::ListStandingsResponse, Fault> {
    let v1::ListStandingsRequest { contract } = request;
    let playbook = service.shared.playbooks.current();
    let wanted = match contract.as_str() {
        "" => playbook.contracts().collect(),
        name => super::named(&playbook, name)?,
    };
    let not_yet = || {
        let what = "what became of actions is still being counted; ask again in some seconds";
        Fault::new(ErrorReason::Overloaded, what)
    };
    let counted = service.shared.kept.get().map(|kept| &kept.counted).ok_or_else(not_yet)?;
    let count = counted.latest(COUNTED_WITHIN).await.ok_or_else(not_yet)?;
    let standings = wanted.into_iter().map(|contract| {
        let demotion = service.shared.playbooks.demotions().of(contract);
        let (mode_in_force, demotion) = to_wire::mode_in_force(contract, demotion.as_ref());
        let bounds = contract.graduation().cloned().unwrap_or_default();
        let figures = count.figures.get(contract.id()).copied().unwrap_or_default();
        v1::ContractStanding {
            contract_id: contract.id().to_string(),
            title: contract.title().to_owned(),
            mode: to_wire::mode(contract.mode()).into(),
            mode_in_force: mode_in_force.into(),
            demotion,
            bounded: contract.graduation().is_some(),
            bounds: Some(to_wire::bounds(&bounds)),
            figures: Some(to_wire::figures(&figures)),
        }
    });
    Ok(v1::ListStandingsResponse {
        playbook_version: playbook.version().to_string(),
        as_of: Some(to_wire::time(count.at)),
        standings: standings.collect(),
    })
}
