//! Checks that stand behind others, and so are never reached by a command.

use super::Deciding;
use crate::{Case, Digest, Epoch, Owner, Rejection, Timestamp};

#[test]
fn a_lease_that_ran_out_is_refused_even_if_time_has_not_been_let_pass() {
    let agent: crate::AgentId = "A".parse().unwrap();
    let mut case = Case::unopened("c".parse().unwrap());
    let lease_until = Timestamp::from_second(10).unwrap();
    let key = Digest::of(b"A");
    case.owner = Owner::Agent { agent: agent.clone(), key, since: case.opened_at, lease_until };
    let now = |second| Deciding {
        case: case.clone(),
        now: Timestamp::from_second(second).unwrap(),
        events: Vec::new(),
    };
    assert_eq!(now(9).check_owner(&agent, Epoch(0)), Ok(()));
    assert_eq!(now(10).check_owner(&agent, Epoch(0)), Err(Rejection::LeaseOver));
}
