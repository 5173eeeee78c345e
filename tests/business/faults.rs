//! The same repair with every step failing, timing out after the commit, answered with a lie, or with the supervisor
//! killed between any two steps. Every run has systems of its own customers, so that runs do not see each other.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use crate::bench::Bench;
use crate::company::Company;
use crate::ends::{End, Moment, check, come};
use crate::proxy::{Fault, Planned, Step};

/// How many repairs go on at the same time.
const AT_ONCE: usize = 3;

/// What goes wrong in one run.
#[derive(Clone, Debug)]
struct Run {
    name: String,
    faults: Vec<Planned>,
    kill_at: Option<Moment>,
    /// How many reads fail from the first write on.
    blind_from: Option<Step>,
    /// The only ends that are right, where the fault leaves no choice.
    ends: &'static [End],
}

const ANY: &[End] = &[End::Applied, End::Undone, End::Handed];
const STEPS: [Step; 4] = [Step::Draft, Step::Refund, Step::Post, Step::Note];

/// What a step that cannot be done leads to: before the money has moved all is undone, afterwards people have it.
fn without(step: Step) -> &'static [End] {
    match step {
        Step::Draft | Step::Refund => &[End::Undone],
        _ => &[End::Handed],
    }
}

/// Every step with every fault, every place to be killed at, and the way back with its own faults.
fn every_run() -> Vec<Run> {
    use Fault as F;
    let mut runs = Vec::new();
    let mut add = |name: String, faults: Vec<Planned>, kill_at, blind_from, ends| {
        runs.push(Run { name, faults, kill_at, blind_from, ends });
    };
    let one = |step, fault, always| vec![Planned { step, fault, always }];
    for step in STEPS {
        let handed: &[End] = &[End::Handed];
        // A system that says yes and does nothing: a draft or note that is not there is as good as undone, money that
        // may still come is not.
        let lied = if step == Step::Draft { &[End::Undone][..] } else { handed };
        for (fault, always, ends) in [
            (F::Refused, true, without(step)),
            (F::Broken, true, without(step)),
            (F::Broken, false, &[End::Applied][..]),
            (F::BrokenAfter, false, &[End::Applied]),
            (F::CutAfter, false, &[End::Applied]),
            (F::SilentBefore, false, &[End::Applied]),
            (F::SilentAfter, false, &[End::Applied]),
            (F::Lie, false, lied),
            (F::KillBefore, false, &[End::Applied]),
            (F::KillAfter, false, &[End::Applied]),
        ] {
            let name = format!("{step:?} {fault:?}{}", if always { " always" } else { "" });
            add(name, one(step, fault, always), None, None, ends);
        }
        add(format!("{step:?} cannot be read for a while"), vec![], None, Some(step), ANY);
    }
    for (event, times) in [
        ("handoff_accepted", 1),
        ("action_proposed", 4),
        ("action_assessed", 4),
        ("approval_requested", 1),
        ("action_dispatched", 4),
        ("action_executed", 4),
        ("action_verified", 4),
        ("plan_completed", 1),
    ] {
        for number in 1..=times {
            let moment = Some(Moment { event, number });
            add(format!("killed at {event} {number}"), vec![], moment, None, &[End::Applied]);
        }
    }
    // The refund is refused for good, so the draft has to go; and that goes wrong as well.
    let refused = Planned { step: Step::Refund, fault: F::Refused, always: true };
    for (fault, always, ends) in [
        (F::Refused, true, &[End::Handed][..]),
        (F::Broken, true, &[End::Handed]),
        (F::Broken, false, &[End::Undone]),
        (F::BrokenAfter, false, &[End::Undone]),
        (F::CutAfter, false, &[End::Undone]),
        (F::SilentAfter, false, &[End::Undone]),
        (F::Lie, true, &[End::Handed]),
        (F::Lie, false, &[End::Undone]),
        (F::KillBefore, false, &[End::Undone]),
        (F::KillAfter, false, &[End::Undone]),
    ] {
        let undo = Planned { step: Step::UndoDraft, fault, always };
        let name = format!("undoing {fault:?}{}", if always { " always" } else { "" });
        add(name, vec![refused, undo], None, None, ends);
    }
    // The note is refused for good, so what was posted has to be countered, in two writes: each of them with each fault,
    // and the supervisor killed between them. The money stays with its customer, and people are told of that.
    let note = Planned { step: Step::Note, fault: F::Refused, always: true };
    for step in [Step::DraftCounter, Step::PostCounter] {
        for (fault, always) in [
            (F::Refused, true),
            (F::Broken, true),
            (F::Broken, false),
            (F::BrokenAfter, false),
            (F::CutAfter, false),
            (F::SilentBefore, false),
            (F::SilentAfter, false),
            (F::Lie, true),
            (F::Lie, false),
            (F::KillBefore, false),
            (F::KillAfter, false),
        ] {
            let undo = Planned { step, fault, always };
            let name =
                format!("countering {step:?} {fault:?}{}", if always { " always" } else { "" });
            add(name, vec![note, undo], None, None, &[End::Handed]);
        }
    }
    let moment = Some(Moment { event: "compensation_started", number: 1 });
    add("killed at countering".to_owned(), vec![note], moment, None, &[End::Handed]);
    // The note stands, and its reader is told of another one: it is taken back, and that goes wrong as well.
    for (fault, always) in [
        (F::Refused, true),
        (F::Broken, true),
        (F::Broken, false),
        (F::BrokenAfter, false),
        (F::CutAfter, false),
        (F::SilentBefore, false),
        (F::SilentAfter, false),
        (F::Lie, true),
        (F::Lie, false),
        (F::KillBefore, false),
        (F::KillAfter, false),
    ] {
        let undo = Planned { step: Step::UndoNote, fault, always };
        let name = format!("unnoting {fault:?}{}", if always { " always" } else { "" });
        add(name, vec![undo], None, None, &[End::Handed]);
    }
    let moment = Some(Moment { event: "compensation_started", number: 1 });
    add("killed at compensation_started".to_owned(), vec![refused], moment, None, &[End::Undone]);
    runs
}

/// Several things going wrong in one repair, chosen by a seed.
fn chosen(seed: u64) -> Run {
    use Fault as F;
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut draw = |most: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 33) as usize % most
    };
    let all = [
        F::Refused,
        F::Broken,
        F::BrokenAfter,
        F::CutAfter,
        F::SilentBefore,
        F::SilentAfter,
        F::Lie,
        F::KillBefore,
        F::KillAfter,
    ];
    let steps = [
        Step::Draft,
        Step::Refund,
        Step::Post,
        Step::Note,
        Step::UndoDraft,
        Step::UndoNote,
        Step::DraftCounter,
        Step::PostCounter,
    ];
    let faults: Vec<Planned> = (0..2 + draw(3))
        .map(|_| Planned { step: steps[draw(8)], fault: all[draw(9)], always: false })
        .collect();
    Run { name: format!("seed {seed}"), faults, kill_at: None, blind_from: None, ends: ANY }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_fault_at_every_step_ends_applied_undone_or_with_people_who_are_told_what_stands() {
    let Some(company) = Company::open("SSM").await else { return };
    let only = std::env::var("BELAY_FAULT").unwrap_or_default();
    let mut runs = every_run();
    runs.retain(|run| run.name.contains(&only));
    play(&company, runs).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn several_faults_in_one_repair_end_in_the_same_three_ways() {
    let Some(company) = Company::open("SSM").await else { return };
    let number = |name: &str, otherwise| {
        std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
    };
    let (first, seeds): (u64, u64) =
        (number("BELAY_FAULT_SEED", 1), number("BELAY_FAULT_SEEDS", 12));
    play(&company, (first..first + seeds).map(chosen).collect()).await;
}

/// Plays all of them, and tells how many ended in which way.
async fn play(company: &Company, runs: Vec<Run>) {
    let total = runs.len();
    let (runs, next) = (Arc::new(runs), Arc::new(AtomicUsize::new(0)));
    let ends: Arc<Mutex<BTreeMap<End, usize>>> = Arc::default();
    let (kills, shown) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let players: Vec<_> = (0..AT_ONCE)
        .map(|_| {
            let (runs, next, ends, company) =
                (Arc::clone(&runs), Arc::clone(&next), Arc::clone(&ends), company.clone());
            let (kills, shown) = (Arc::clone(&kills), Arc::clone(&shown));
            tokio::spawn(async move {
                while let Some(run) = runs.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let (end, killed, played) = until_killed(&company, run).await;
                    *ends.lock().unwrap().entry(end).or_default() += 1;
                    kills.fetch_add(killed, Ordering::Relaxed);
                    shown.fetch_add(played, Ordering::Relaxed);
                }
            })
        })
        .collect();
    for player in players {
        player.await.unwrap();
    }
    let ends = ends.lock().unwrap().clone();
    assert_eq!(ends.values().sum::<usize>(), total);
    eprintln!("{total} repairs ({shown:?} faults shown, {kills:?} kills): {ends:?}");
}

/// On a busy machine a system may answer so late that Belay has read back what it wants to know before the kill is due.
/// Such a run is good, and is no run with a kill.
async fn until_killed(company: &Company, run: &Run) -> (End, usize, usize) {
    let kill = |planned: &Planned| matches!(planned.fault, Fault::KillBefore | Fault::KillAfter);
    let is_killed = run.ends != ANY && (run.kill_at.is_some() || run.faults.iter().any(kill));
    for _ in 0..5 {
        let (end, kills, shown) = one_run(company, run).await;
        if kills > 0 || !is_killed {
            return (end, kills, shown);
        }
    }
    panic!("{}: nobody was killed in five runs", run.name);
}

async fn one_run(company: &Company, run: &Run) -> (End, usize, usize) {
    let since = std::time::Instant::now();
    let customer = company.charged_twice().await;
    let mut bench = Bench::start(company).await;
    bench.script.plan(&run.faults);
    if let Some(step) = run.blind_from {
        bench.script.blind_from(step);
    }
    // Nothing makes a note be taken back by itself once it is verified: whoever carries out the plan gives it up.
    let gives_up =
        run.faults.iter().any(|planned| planned.step == Step::UndoNote) && run.ends != ANY;
    let _agent = bench.agent_that("billing-1", gives_up);
    let case = bench.complain(&customer).await;
    let _finance = bench.finance(&case);
    let (end, kills) = come(&mut bench, &case, run.kill_at, &run.name).await;
    check(&bench, company, &customer, &case, end, &run.name).await;
    assert!(run.ends.contains(&end), "{}: {end:?} instead of {:?}", run.name, run.ends);
    let shown = bench.script.shown();
    if run.ends != ANY {
        assert!(bench.script.is_played(), "{}: a fault was never shown", run.name);
    }
    eprintln!("{}: {end:?} after {:.1?}, {kills} kills", run.name, since.elapsed());
    (end, kills, shown)
}
