//! What the supervisor that runs has counted, and what its playbook asks for.

use belay_api::v1;
use belay_domain::Span;
use belay_playbook::{Bounds, Figures, Playbook};
use belay_supervisor::Demotion;

use super::{Found, GraduateArgs};
use crate::commands::Context;
use crate::exit::{Exit, Failure};
use crate::output::{modes, time};

/// What it says, and whether the folder at hand holds the playbook that it has in force, so that its files can be named.
pub(super) async fn ask(
    args: &GraduateArgs,
    context: &Context,
) -> Result<(Vec<Found>, bool), Failure> {
    let connection = context.connect().await?;
    let request = v1::ListStandingsRequest { contract: args.contract.clone().unwrap_or_default() };
    let answer = connection.playbook().list_standings(connection.call(request)).await?.into_inner();
    if args.contract.is_some() && answer.standings.len() > 1 {
        let known: Vec<&str> =
            answer.standings.iter().map(|one| one.contract_id.as_str()).collect();
        return Err(Failure::new(Exit::Usage, "it has several versions")
            .hint(format!("say which: {}", known.join(", "))));
    }
    let found: Option<Vec<Found>> = answer.standings.into_iter().map(found).collect();
    let found = found.ok_or_else(|| {
        Failure::new(Exit::Failed, "what the supervisor said cannot be read")
            .hint("it may be of another version than this program")
    })?;
    let here = args.playbook.join("playbook.yaml").is_file();
    let same = here
        && Playbook::load(&args.playbook)
            .is_ok_and(|playbook| playbook.version().to_string() == answer.playbook_version);
    Ok((found, same))
}

/// Nothing can be changed in a folder that does not hold the playbook in force.
pub(super) fn elsewhere(args: &GraduateArgs) -> Failure {
    let what = format!(
        "the playbook in {} is not the one that the supervisor has in force",
        args.playbook.display()
    );
    Failure::new(Exit::Refused, what).hint(
        "name the folder that it was loaded from with --playbook DIR, or put this one in force with belay playbook reload",
    )
}

fn found(told: v1::ContractStanding) -> Option<Found> {
    let mode = modes::read(told.mode())?;
    let id = told.contract_id.parse().ok()?;
    let demotion = match told.demotion {
        Some(held) => Some(Demotion {
            contract: told.contract_id.parse().ok()?,
            case: held.case_id.parse().ok()?,
            at: time::moment(held.at.as_ref())?,
            why: held.why,
        }),
        None => None,
    };
    Some(Found {
        id,
        mode,
        bounds: bounds(told.bounds?)?,
        bounded: told.bounded,
        figures: figures(told.figures?),
        demotion,
        title: told.title,
    })
}

fn bounds(told: v1::ContractBounds) -> Option<Bounds> {
    let window = time::length(told.window.as_ref())?;
    Some(Bounds {
        sample_min: told.sample_min,
        verified_min: told.verified_min,
        override_max: told.override_max,
        divergences_max: told.divergences_max,
        window: Span::from_secs(window.as_secs()),
        ..Bounds::default()
    })
}

fn figures(told: v1::ContractFigures) -> Figures {
    let v1::ContractFigures {
        decided,
        denied,
        shadowed,
        agreed,
        differed,
        absent,
        untold,
        asked,
        overridden,
        sent,
        verified,
        diverged,
        failed,
        unresolved,
    } = told;
    Figures {
        decided,
        denied,
        shadowed,
        agreed,
        differed,
        absent,
        untold,
        asked,
        overridden,
        sent,
        verified,
        diverged,
        failed,
        unresolved,
    }
}
