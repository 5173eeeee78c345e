//! What errands do again after a restart, and what they do not believe at once. A whole supervisor lives in simulated
//! time, dies with its runtime and is started again, in a company that shows its effects late.

mod company;
mod stage;

use std::time::Duration;

use belay_domain::{ActionStage, PlanStage};

use company::Company;
use stage::Stage;

/// How long an effect may take to show, in the playbook of these tests.
const SETTLES: Duration = Duration::from_secs(10);

#[test]
fn an_effect_that_was_on_its_way_when_the_process_died_is_not_called_failed_or_sent_again() {
    let stage = Stage::new(Company { shows_after: Duration::from_secs(8), ..Company::lossy() });
    let case = stage.live(async |life| {
        let case = life.case_of_an_agent().await;
        life.propose(&case, None).await;
        life.until(async || (life.company().writes() == 1).then_some(())).await;
        case
    });
    // By the clock of the next process, far more than an effect takes has passed; in truth it was a second.
    stage.dead_for(Duration::from_secs(1));
    stage.wall_jumps(Duration::from_secs(3_600));
    stage.live(async |life| {
        life.sleep(SETTLES * 6).await;
        let stage = life.action(&case).await.stage.clone();
        assert!(matches!(stage, ActionStage::Verified { .. }), "IDM-4: {stage:?}");
        assert_eq!(life.company().writes(), 1, "IDM-1");
    });
}

#[test]
fn a_write_that_never_arrived_is_found_not_to_have_after_a_restart_too() {
    let stage = Stage::new(Company { loses: true, ..Company::lossy() });
    let case = stage.live(async |life| {
        let case = life.case_of_an_agent().await;
        life.propose(&case, None).await;
        life.until(async || (life.company().writes() == 1).then_some(())).await;
        case
    });
    stage.dead_for(Duration::from_secs(1));
    stage.wall_jumps(Duration::from_secs(3_600));
    stage.live(async |life| {
        life.sleep(SETTLES * 6).await;
        let stage = life.action(&case).await.stage.clone();
        assert!(matches!(stage, ActionStage::Failed { .. }), "{stage:?}");
    });
}

#[test]
fn what_another_playbook_let_through_is_not_written_again() {
    let mut stage = Stage::new(Company { loses: true, ..Company::lossy() });
    let case = stage.live(async |life| {
        let case = life.case_of_an_agent().await;
        life.propose(&case, None).await;
        life.until(async || (life.company().writes() == 1).then_some(())).await;
        case
    });
    stage.another_playbook();
    stage.live(async |life| {
        life.sleep(SETTLES * 6).await;
        let stage = life.action(&case).await.stage.clone();
        assert!(matches!(stage, ActionStage::Failed { .. }), "{stage:?}");
        assert_eq!(life.company().writes(), 1, "APR-5");
    });
}

#[test]
fn one_look_that_shows_nothing_does_not_mean_that_there_is_nothing_to_undo() {
    let stage = Stage::new(Company::default());
    let case = given_up(&stage);
    // The replica that answers after the restart has not heard of the write yet.
    stage.dead_for(Duration::from_secs(1));
    stage.company.lags_for(Duration::from_secs(4));
    stage.live(async |life| {
        life.sleep(SETTLES * 3).await;
        assert_eq!(life.company().standing(), 0, "IDM-7: it stands, and is said to be undone");
        assert_eq!(life.company().undone(), 1);
        assert_eq!(life.plan(&case).await, PlanStage::Undone);
    });
}

#[test]
fn what_is_gone_for_as_long_as_an_effect_takes_to_show_needs_no_undoing() {
    let stage = Stage::new(Company::default());
    let case = given_up(&stage);
    stage.company.clear();
    stage.live(async |life| {
        life.sleep(SETTLES * 3).await;
        assert_eq!(life.company().undone(), 0);
        assert_eq!(life.plan(&case).await, PlanStage::Undone);
    });
}

#[test]
fn a_second_ticket_of_a_step_is_withdrawn_however_late_it_shows() {
    let stage = Stage::new(Company { forks_after: Duration::from_secs(45), ..Company::default() });
    stage.live(async |life| {
        life.case_of_people().await;
        life.until(async || (life.company().tickets() == 2).then_some(())).await;
        life.until(async || (life.company().withdrawn() == 1).then_some(())).await;
    });
}

#[test]
fn whoever_wrote_what_does_not_count_is_told_why_once_although_the_process_dies() {
    let stage = Stage::new(Company::default());
    let case = stage.live(async |life| {
        let case = life.case_of_an_agent().await;
        life.ask_on_a_ticket(&case).await;
        life.until(async || (life.company().tickets() == 1).then_some(())).await;
        life.company().says("zoe", "approve 0123456789abcdef");
        // It is there, and the answer is on its way.
        life.until(async || {
            life.progress(&case).await;
            (!life.company().told().is_empty()).then_some(())
        })
        .await;
        assert_eq!(life.unanswered(&case).await, 1);
        case
    });
    stage.dead_for(Duration::from_secs(1));
    stage.live(async |life| {
        life.until(async || {
            life.progress(&case).await;
            (life.unanswered(&case).await == 0).then_some(())
        })
        .await;
        // A lead, and for the wrong thing.
        life.company().says("lea@itsm", "approve 0123456789abcdef please");
        for _ in 0..60 {
            life.progress(&case).await;
            life.sleep(Duration::from_secs(1)).await;
        }
    });
    let [zoe, lea] = stage.company.told().try_into().expect("one note for each");
    assert!(zoe.contains("zoe is nobody who may decide this here"), "{zoe}");
    assert!(lea.contains("0123456789abcdef is not what is being decided on"), "{lea}");
}

#[test]
fn people_are_told_that_it_is_over_as_soon_as_our_credential_is_accepted_again() {
    let stage = Stage::new(Company::default());
    stage.live(async |life| {
        let case = life.case_of_people().await;
        life.until(async || (life.company().tickets() == 1).then_some(())).await;
        life.sleep(SETTLES * 2).await;
        life.company().locks_us_out(true);
        life.resolve(&case).await;
        life.sleep(Duration::from_secs(120)).await;
        assert_eq!(life.company().withdrawn(), 0);
        life.company().locks_us_out(false);
        life.until(async || (life.company().withdrawn() == 1).then_some(())).await;
    });
}

/// A case with a plan whose one write is verified, and then given up in the last moment of the process.
fn given_up(stage: &Stage) -> belay_domain::CaseId {
    stage.live(async |life| {
        let case = life.case_of_an_agent().await;
        life.propose(&case, Some("plan")).await;
        life.until(async || {
            let stage = life.action(&case).await.stage.clone();
            matches!(stage, ActionStage::Verified { .. }).then_some(())
        })
        .await;
        life.give_up(&case, "plan").await;
        assert_eq!(life.company().standing(), 1, "nothing has been undone yet");
        case
    })
}
