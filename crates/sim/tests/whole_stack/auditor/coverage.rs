//! Whether what was said about coverage was true, by what agents and people did (`COV-1`).

use std::time::Duration;

use belay_api::v1::coverage::Coverage as Kind;
use jiff::{SignedDuration, Timestamp};

use crate::witness::{Accounts, Said, at};

/// The playbook's.
const LEASE: Duration = Duration::from_secs(5);
const FRESHNESS: Duration = Duration::from_secs(10);

/// How long a sign of life may be under way: held back by the network at most, with the slowest link on top.
const UNDER_WAY: Duration = Duration::from_secs(6);

/// Hosts take turns, so their clocks differ by a few turns.
const TURNS: SignedDuration = SignedDuration::from_millis(200);

/// Every report that was not true.
pub(super) fn nothing_false_was_said(accounts: &Accounts) -> Vec<String> {
    let wrong = accounts.said.iter().filter_map(|said| check(said, accounts).err());
    // One of a kind is enough to see.
    let mut wrong: Vec<String> = wrong.collect();
    wrong.truncate(10);
    wrong
}

fn check(said: &Said, accounts: &Accounts) -> Result<(), String> {
    let case = &said.case;
    let as_of = moment(said.coverage.as_of.as_ref());
    if as_of < said.asked - TURNS || as_of > said.heard + TURNS {
        let (asked, heard) = (at(said.asked), at(said.heard));
        return Err(format!("{case}: of {} between {asked} and {heard}", at(as_of)));
    }
    let valid = |until: Option<&prost_types::Timestamp>, most: Duration| {
        let until = moment(until);
        if until <= as_of || until > as_of + most {
            return Err(format!("{case}: said at {} to stand until {}", at(as_of), at(until)));
        }
        Ok(())
    };
    match said.coverage.coverage.as_ref() {
        None => Err(format!("{case}: nothing was said at {}", at(as_of))),
        Some(Kind::CoveredByAgent(cover)) => {
            valid(cover.valid_until.as_ref(), LEASE)?;
            let alive = |agent: &str| {
                accounts.hands.iter().any(|hand| {
                    hand.agent == agent
                        && hand.case == *case
                        && hand.epoch.is_none_or(|epoch| epoch == cover.epoch)
                        && hand.from <= as_of + TURNS
                        && end_of(hand, accounts).is_none_or(|end| as_of <= end + LEASE + UNDER_WAY)
                })
            };
            let agent = cover.agent_id.rsplit('/').next().unwrap_or_default();
            if alive(agent) {
                return Ok(());
            }
            Err(format!("{case}: {agent} did not have it at {}", at(as_of)))
        }
        Some(Kind::CoveredByPerson(cover)) => {
            valid(cover.valid_until.as_ref(), FRESHNESS)?;
            let had = accounts.desks.iter().any(|desk| {
                desk.person == cover.person
                    && desk.case == *case
                    && desk.from <= as_of + TURNS
                    && desk.until.is_none_or(|until| as_of <= until + FRESHNESS)
            });
            if had {
                return Ok(());
            }
            Err(format!("{case}: {} did not have it at {}", cover.person, at(as_of)))
        }
        Some(Kind::Pending(_) | Kind::Uncovered(_) | Kind::Closed(_) | Kind::Merged(_)) => Ok(()),
    }
}

/// When an agent showed the last sign of life for a case. None: it still does.
fn end_of(hand: &crate::witness::Hand, accounts: &Accounts) -> Option<Timestamp> {
    let of_process =
        accounts.ends.iter().filter(|(agent, at)| *agent == hand.agent && *at >= hand.from);
    let of_process = of_process.map(|(_, at)| *at).min();
    hand.until.into_iter().chain(of_process).min()
}

fn moment(wire: Option<&prost_types::Timestamp>) -> Timestamp {
    wire.and_then(|wire| Timestamp::new(wire.seconds, wire.nanos).ok()).unwrap_or_default()
}
