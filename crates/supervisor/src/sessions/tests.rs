//! Sessions in virtual time: who is picked, what is told, what survives a broken line, and who is cut off.

mod losing;
mod picking;
mod stage;
mod telling;

use std::time::Duration;

use belay_api::v1::ErrorReason;
use belay_domain::Epoch;
use stage::{Line, Stage, registration};

use super::{Arrival, Farewell, Loss, Notice, Outgoing, Pick, Resumption};

#[tokio::test(start_paused = true)]
async fn a_session_that_goes_on_gets_again_what_was_not_acknowledged() {
    let stage = Stage::new();
    let line = stage.connect("billing-1", 4).await;
    line.grant(10);
    for name in ["a", "b", "c"] {
        line.session().say(Notice::Done { id: name.to_owned() });
    }
    assert_eq!(line.said(), ["1 done a", "2 done b", "3 done c"]);
    line.session().acknowledged(1).unwrap();
    line.session().disconnect(line.stream());
    line.session().say(Notice::Done { id: "d".to_owned() });

    let again = stage.resume(&line, 1).await;
    assert!(again.resumed());
    assert_eq!(again.said(), [""; 0], "credit has to be granted anew");
    again.grant(10);
    assert_eq!(again.said(), ["2 done b", "3 done c", "4 done d"]);
}

#[tokio::test(start_paused = true)]
async fn a_session_is_resumable_for_a_minute() {
    for (away, resumed) in [(59, true), (61, false)] {
        let stage = Stage::new();
        let line = stage.connect("billing-1", 4).await;
        let sessions = stage.sessions.clone();
        let attached = line.attached();
        let waiting = tokio::spawn(async move { sessions.wait_for_return(&attached).await });
        tokio::time::sleep(Duration::from_secs(away)).await;
        let again = stage.resume(&line, 0).await;
        assert_eq!(again.resumed(), resumed, "after {away} s");
        waiting.abort();
    }
}

#[tokio::test(start_paused = true)]
async fn the_end_of_an_old_stream_does_not_end_a_session_that_has_moved_on() {
    let stage = Stage::new();
    let line = stage.connect("billing-1", 4).await;
    let sessions = stage.sessions.clone();
    let attached = line.attached();
    let waiting = tokio::spawn(async move { sessions.wait_for_return(&attached).await });
    tokio::time::sleep(Duration::from_secs(1)).await;
    let again = stage.resume(&line, 0).await;
    waiting.await.unwrap();
    assert!(again.session().is_connected());
    assert_eq!(line.farewell(), Some(Farewell::Replaced));
}

#[tokio::test(start_paused = true)]
async fn nobody_resumes_another_session_or_claims_what_was_never_sent() {
    let stage = Stage::new();
    let line = stage.connect("billing-1", 4).await;
    for (session, last_received) in [("another".to_owned(), 0), (line.session().id.clone(), 5)] {
        let resume = Resumption { session, last_received };
        let again = stage.register(registration("billing-1", 4, Some(resume))).await;
        assert!(!again.resumed());
    }
}

#[tokio::test(start_paused = true)]
async fn a_newer_session_waits_until_no_command_of_the_older_is_under_way() {
    let stage = Stage::new();
    let old = stage.connect("billing-1", 4).await;
    let right = old.session().act().await.expect("it may act");
    let sessions = stage.sessions.clone();
    let newer =
        tokio::spawn(async move { sessions.register(registration("billing-1", 4, None)).await });
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(!newer.is_finished(), "a command of the old session is under way");
    assert_eq!(old.farewell(), Some(Farewell::Replaced));
    drop(right);
    let newer = newer.await.unwrap().unwrap();
    assert!(!newer.resumed);
    assert!(old.session().act().await.is_none(), "the old session acts no more");
    assert!(newer.session.act().await.is_some());
}

#[tokio::test(start_paused = true)]
async fn nobody_gets_in_while_an_old_command_hangs() {
    let stage = Stage::new();
    let old = stage.connect("billing-1", 4).await;
    let _right = old.session().act().await.expect("it may act");
    let refused = stage.sessions.register(registration("billing-1", 4, None)).await.unwrap_err();
    assert_eq!(refused.reason(), ErrorReason::Overloaded);
    assert!(old.session().act().await.is_none(), "and the old session is over all the same");
}

#[tokio::test(start_paused = true)]
async fn an_agent_that_does_not_read_is_cut_off_and_hurts_nobody_else() {
    let stage = Stage::new();
    let slow = stage.connect("billing-1", 4).await;
    let other = stage.connect("billing-2", 4).await;
    slow.grant(10);
    other.grant(10);
    slow.session().say(Notice::Done { id: "a".to_owned() });
    other.session().say(Notice::Done { id: "a".to_owned() });
    assert_eq!(other.said(), ["1 done a"]);
    other.session().acknowledged(1).unwrap();
    tokio::time::sleep(Duration::from_secs(10)).await;
    assert!(!slow.session().cut_if_slow());
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(slow.session().cut_if_slow());
    assert!(!other.session().cut_if_slow());
    assert_eq!(slow.farewell(), Some(Farewell::TooSlow));
    assert!(slow.session().act().await.is_none());
    assert!(other.session().is_connected());
    assert!(!stage.resume(&slow, 0).await.resumed(), "what it missed is stated again instead");
}

#[tokio::test(start_paused = true)]
async fn an_agent_that_lets_too_much_wait_is_cut_off_rather_than_skipped() {
    let stage = Stage::new();
    let line = stage.connect("billing-1", 4).await;
    let most = super::outbox::KEPT_MAX + 4;
    for _ in 0..most {
        line.session().say(Notice::Done { id: String::new() });
    }
    assert!(!line.session().is_over());
    line.session().say(Notice::Done { id: String::new() });
    assert!(line.session().is_over());
    assert_eq!(line.farewell(), Some(Farewell::TooSlow));
}

#[tokio::test(start_paused = true)]
async fn an_agent_whose_cases_all_end_at_once_is_told_and_not_cut_off() {
    let stage = Stage::new();
    let line = stage.connect("billing-1", 3_000).await;
    for number in 0..3_000 {
        let case = format!("c-{number}").parse().unwrap();
        line.session().say(Notice::Lost { case, epoch: Epoch(1), loss: Loss::Expired });
    }
    assert_eq!(line.said().len(), 3_000);
    assert!(line.session().is_connected());
}

#[tokio::test(start_paused = true)]
async fn cases_are_stated_again_as_fast_as_the_agent_takes_them_and_not_faster() {
    let stage = Stage::new();
    let line = stage.connect("billing-1", 4).await;
    let session = line.session().clone();
    let stating = tokio::spawn(async move {
        let mut stated = 0;
        while session.can_state().await {
            session.say(Notice::Done { id: String::new() });
            stated += 1;
        }
        stated
    });
    let ahead = super::outbox::STATED_AHEAD_MAX;
    // It grants nothing for as long as it likes, and then takes ten thousand cases a few at a time.
    tokio::time::sleep(Duration::from_secs(600)).await;
    let mut heard = 0;
    while heard < 10_000 {
        line.grant(64);
        let said = line.said().len();
        heard += said;
        assert_eq!(said, 64, "after {heard}");
        tokio::time::sleep(Duration::from_secs(9)).await;
        assert!(!line.session().cut_if_slow());
        line.session().acknowledged(heard as u64).unwrap();
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    // A broken line holds it up, and the next one goes on with it.
    line.session().disconnect(line.stream());
    tokio::time::sleep(Duration::from_secs(30)).await;
    let again = stage.resume(&line, heard as u64).await;
    again.grant(u32::MAX);
    assert_eq!(again.said().len(), ahead);
    again.session().acknowledged((heard + ahead) as u64).unwrap();
    tokio::time::sleep(Duration::from_millis(1)).await;
    again.session().end();
    assert_eq!(stating.await.unwrap(), heard + 2 * ahead);
}

#[tokio::test(start_paused = true)]
async fn a_message_is_answered_once() {
    let stage = Stage::new();
    let line = stage.connect("billing-1", 4).await;
    line.grant(10);
    assert_eq!(line.session().take(1), Arrival::New);
    assert_eq!(line.session().take(1), Arrival::Again);
    line.session().reply(1, Notice::Done { id: "first".to_owned() });
    line.session().reply(1, Notice::Done { id: "second".to_owned() });
    assert_eq!(line.said(), ["1 done first, to 1"]);
}

#[tokio::test(start_paused = true)]
async fn a_message_whose_answer_was_lost_with_the_line_gets_it_again_and_nothing_twice() {
    let stage = Stage::new();
    let line = stage.connect("billing-1", 4).await;
    line.grant(10);
    assert_eq!(line.session().take(1), Arrival::New);
    line.session().disconnect(line.stream());
    line.session().reply(1, Notice::Done { id: "done".to_owned() });

    let again = stage.resume(&line, 0).await;
    again.grant(10);
    assert_eq!(again.session().take(1), Arrival::Again, "the agent sends it again");
    assert_eq!(again.said(), ["1 done done, to 1"]);
}

#[tokio::test(start_paused = true)]
async fn what_was_dealt_with_is_acknowledged_even_without_credit() {
    let stage = Stage::new();
    let line = stage.connect("billing-1", 4).await;
    assert_eq!(line.session().take(1), Arrival::New);
    assert!(line.try_next().is_none(), "it has not been dealt with yet");
    line.session().reply(1, Notice::Done { id: String::new() });
    assert!(matches!(line.try_next(), Some(Outgoing::Ack { ack: 1 })));
    assert!(line.try_next().is_none(), "once is enough");
    line.grant(1);
    assert!(matches!(line.try_next(), Some(Outgoing::Letter { number: 1, ack: 1, .. })));
}

#[tokio::test(start_paused = true)]
async fn an_orderly_end_lets_what_waits_leave_first() {
    let stage = Stage::new();
    let line = stage.connect("billing-1", 4).await;
    line.grant(1);
    line.session().say(Notice::Done { id: "last words".to_owned() });
    line.session().part(line.stream(), Farewell::Draining);
    assert_eq!(line.said(), ["1 done last words"]);
    assert_eq!(line.farewell(), Some(Farewell::Draining));
}

#[tokio::test(start_paused = true)]
async fn only_agents_of_the_playbook_are_seated_and_only_in_their_roles() {
    let stage = Stage::new();
    let stranger = registration("nobody-1", 4, None);
    let mut pretender = registration("billing-1", 4, None);
    pretender.profile.roles = vec!["crm".parse().unwrap()];
    for wanted in [stranger, pretender] {
        let refused = stage.sessions.register(wanted).await.unwrap_err();
        assert_eq!(refused.reason(), ErrorReason::UnknownAgent);
    }
}

#[tokio::test(start_paused = true)]
async fn agents_are_shown_with_what_they_are_and_do() {
    let stage = Stage::new();
    let line = stage.connect("billing-1", 4).await;
    line.grant(3);
    let views = stage.sessions.agents();
    let names: Vec<_> = views.iter().map(|view| view.agent.as_str()).collect();
    assert!(names.is_sorted(), "{names:?}");
    let view = views.iter().find(|view| view.agent.as_str() == "billing-1").unwrap();
    let session = view.session.as_ref().unwrap();
    assert_eq!((session.capacity, session.credit, session.queued), (4, 3, 0));
    assert_eq!(view.identity.as_deref(), Some("spiffe://test/agent/billing-1"));
    assert!(view.last_seen.is_some());
    let other = views.iter().find(|view| view.agent.as_str() == "billing-2").unwrap();
    assert_eq!((&other.session, &other.identity, other.last_seen), (&None, &None, None));
}

#[tokio::test(start_paused = true)]
async fn whoever_looks_for_agents_hears_when_one_comes_or_goes() {
    let stage = Stage::new();
    let mut changes = stage.sessions.changes();
    changes.mark_unchanged();
    let line: Line = stage.connect("billing-1", 4).await;
    assert!(changes.has_changed().unwrap());
    changes.mark_unchanged();
    line.session().disconnect(line.stream());
    stage.sessions.leave(&line.attached());
    assert!(changes.has_changed().unwrap());
    assert_eq!(stage.sessions.pick(&stage::role("billing"), &[]), Pick::Nobody);
}
