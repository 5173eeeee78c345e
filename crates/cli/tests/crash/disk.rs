//! The program meets a disk that fails, and a disk that is full.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use belay_agent::{Agent, Case, Done, Specialist, Trouble};
use belay_api::v1;
use belay_api::v1::coverage::Coverage as Kind;
use tonic::{Code, Status};
use tonic_types::StatusExt;

use crate::caller::Caller;
use crate::house::{House, program};

/// How soon after the failure the program has to be gone, on a machine that has other things to do.
const AT_ONCE: Duration = Duration::from_secs(3);
/// How long anything may take that comes by itself.
const LONG: Duration = Duration::from_secs(60);
/// The size of the small disk.
const SMALL: &str = "24m";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failed_sync_ends_the_program_at_once_and_says_what_to_do() {
    for nth in [1, 2, 7] {
        fails_at("fsync,fdatasync", nth).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failed_write_ends_the_program_at_once_and_says_what_to_do() {
    for nth in [1, 2, 60] {
        fails_at("pwrite64", nth).await;
    }
}

/// The `nth` such call on the journal's log says that the device is broken.
async fn fails_at(calls: &str, nth: u32) {
    if !is_here("strace", &["-f", "-e", "trace=none", "true"], "a disk that fails") {
        return;
    }
    let mut house = House::build().await;
    house.up().await;
    let tool = Caller::tool(&house);
    let mut opened = vec![open(&tool, "before", "").await.unwrap()];
    house.leave().await;

    let mut strace = Command::new("strace");
    strace.args(["-f", "-qq", "--seccomp-bpf", "-e", &format!("trace={calls}"), "-o", "/dev/null"]);
    strace.arg("-P").arg(house.journal().join("journal.db-wal"));
    strace.arg("-e").arg(format!("inject={calls}:error=EIO:when={nth}")).arg(program());
    house.start_under(strace);
    let tool = Caller::tool(&house);
    let (begun, mut first_refusal) = (Instant::now(), None);
    let mut n = 0;
    while !house.has_ended() {
        match open(&tool, &format!("request-{n}"), "").await {
            Ok(case) => {
                assert!(first_refusal.is_none(), "acknowledged after the disk had failed");
                opened.push(case);
                n += 1;
            }
            Err(status) if reason(&status).as_deref() == Some("JOURNAL_UNAVAILABLE") => {
                first_refusal.get_or_insert_with(Instant::now);
            }
            // It is not there yet, or not any more.
            Err(_) => tokio::time::sleep(Duration::from_millis(5)).await,
        }
        assert!(begun.elapsed() < LONG && n < 200, "the disk never failed");
        assert!(first_refusal.is_none_or(|first| first.elapsed() < AT_ONCE), "it does not end");
    }
    let gone = first_refusal.map(|first| first.elapsed());
    println!(
        "{calls} number {nth} failed: {n} answered before; gone {gone:?} after the first refusal"
    );
    let status = house.ended(AT_ONCE).await;
    let log = house.log();
    assert_eq!(status.code(), Some(1), "{status}\n{log}");
    for said in [
        "could not be written and accepts nothing more",
        "the disk did not take the write",
        "start again",
    ] {
        assert!(log.contains(said), "{said:?} is not said:\n{log}");
    }

    house.up().await;
    let tool = Caller::tool(&house);
    for case in &opened {
        tool.case(case).await.unwrap_or_else(|status| panic!("{case} is lost: {status}"));
    }
    open(&tool, "after", "").await.unwrap();
    house.leave().await;
    house.each_event(|_| ());
}

/// Keeps every case and shows progress all the time.
struct Keeper;

impl Specialist for Keeper {
    async fn work(&self, case: &mut Case) -> Result<Done, Trouble> {
        loop {
            case.progress("still at it");
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_refuses_new_work_answers_reads_and_goes_on_when_there_is_room() {
    if !is_here("unshare", &["-m", "mount", "-t", "tmpfs", "t", "/mnt"], "a disk that is full") {
        return;
    }
    let mut house = House::build().await;
    house.agent("crm-1");
    let disk = house.room("disk");
    std::fs::create_dir(&disk).unwrap();
    let pid = start_on_small_disk(&mut house, &disk);
    house.answers().await;
    let seen = PathBuf::from(format!("/proc/{pid}/root{}", disk.display()));
    let tool = Caller::tool(&house);
    let builder = Agent::builder(house.endpoint(), house.agent("crm-1")).capacity(1);
    let keeper = tokio::spawn(async move { builder.serve(Keeper, std::future::pending()).await });
    let held = open_kind(&tool, "held", "note", "").await.unwrap();
    until("the agent to hold its case", async || covered(&tool, &held).await.then_some(())).await;
    let mut opened = BTreeMap::from([("held".to_owned(), held.clone())]);
    for n in 0..10 {
        let request = format!("before-{n}");
        opened.insert(request.clone(), open(&tool, &request, "").await.unwrap());
    }

    let ballast = seen.join("ballast");
    fill(&ballast);
    let filled = Instant::now();
    let mut last = None;
    for n in 0..1_000 {
        let request = format!("big-{n}");
        match open(&tool, &request, &"x".repeat(20_000)).await {
            Ok(case) => drop(opened.insert(request, case)),
            Err(status) => {
                last = Some((request, status));
                break;
            }
        }
    }
    let (refused_request, status) = last.expect("the disk is never full");
    check_full(&status);
    println!("{} cases were opened until the disk was full", opened.len());

    // Everything can be read, nothing is lost, and nobody is said to hold a case whose lease could not be renewed.
    for case in opened.values() {
        tool.case(case).await.unwrap();
    }
    until("the lease to run out", async || (!covered(&tool, &held).await).then_some(())).await;
    println!(
        "the lease that could not be renewed ended {:?} after the disk was full",
        filled.elapsed()
    );
    check_full(&open(&tool, "still-full", "").await.unwrap_err());

    std::fs::remove_file(&ballast).unwrap();
    let freed = Instant::now();
    let again = until("new work to be accepted", async || {
        open(&tool, &refused_request, &"x".repeat(20_000)).await.ok()
    });
    opened.insert(refused_request.clone(), again.await);
    println!("new work is accepted {:?} after there was room", freed.elapsed());
    until("somebody to see to the case", async || covered(&tool, &held).await.then_some(())).await;
    println!("the case is held again {:?} after there was room", freed.elapsed());
    let distinct: std::collections::BTreeSet<_> = opened.values().collect();
    assert_eq!(distinct.len(), opened.len());
    keeper.abort();

    // What is on the small disk goes with the program, so it is taken along.
    let taken = house.room("taken");
    house.kill_and_take(&seen, taken).await;
    house.up().await;
    let tool = Caller::tool(&house);
    for case in opened.values() {
        tool.case(case).await.unwrap_or_else(|status| panic!("{case} is lost: {status}"));
    }
    house.leave().await;
    house.each_event(|_| ());
    assert!(!house.log().contains("panicked"), "{}", house.log());
}

/// The program with its data on a small disk of its own. Says its process id.
fn start_on_small_disk(house: &mut House, disk: &Path) -> u32 {
    let mut unshare = Command::new("unshare");
    let script =
        "mount -t tmpfs -o size=$1 small \"$2\" && cp -r \"$3\" \"$2\" && shift 3 && exec \"$@\"";
    unshare.args(["-m", "sh", "-c", script, "sh", SMALL]).arg(disk).arg(house.identity());
    unshare.arg(program());
    // Callers read certificates where they were made; the program has a copy.
    house.read_identity_in(house.data().join("identity"));
    house.keep_in(disk.to_owned());
    house.start_under(unshare);
    house.pid()
}

/// Writes until there is no room left.
fn fill(path: &Path) {
    let mut file = std::fs::File::create(path).unwrap();
    for size in [1 << 16, 1 << 12, 1 << 9, 1] {
        while file.write_all(&vec![b'x'; size]).is_ok() {}
    }
}

/// The refusal says what is wrong, what to do, and when to come again.
#[track_caller]
fn check_full(status: &Status) {
    assert_eq!(status.code(), Code::ResourceExhausted, "{status:?}");
    assert!(status.message().contains("disk is full"), "{status:?}");
    assert_eq!(reason(status).as_deref(), Some("DISK_FULL"));
    assert!(status.get_details_retry_info().is_some(), "{status:?}");
    let first = status.get_details_precondition_failure().unwrap();
    assert!(first.violations[0].description.contains("free some space"), "{first:?}");
}

/// The stable reason of a refusal, if the program itself has refused.
fn reason(status: &Status) -> Option<String> {
    status.get_details_error_info().map(|info| info.reason)
}

/// Whether somebody holds the case; what is said must not claim more than its own time.
async fn covered(tool: &Caller, case: &str) -> bool {
    let request = v1::GetCoverageRequest { case_id: case.to_owned() };
    let answer = tool.coverages().get_coverage(request).await.unwrap().into_inner();
    let coverage = answer.coverage.unwrap();
    match coverage.coverage.unwrap() {
        Kind::CoveredByAgent(cover) => {
            let (until, now) = (cover.valid_until.unwrap(), coverage.as_of.unwrap());
            assert!(
                (now.seconds, now.nanos) < (until.seconds, until.nanos),
                "{cover:?} at {now:?}"
            );
            true
        }
        Kind::CoveredByPerson(_) => true,
        Kind::Pending(_) | Kind::Uncovered(_) | Kind::Closed(_) | Kind::Merged(_) => false,
    }
}

async fn open(tool: &Caller, request: &str, text: &str) -> Result<String, Status> {
    open_kind(tool, request, "other", text).await
}

async fn open_kind(tool: &Caller, request: &str, kind: &str, text: &str) -> Result<String, Status> {
    let entry = |body: &str| v1::NewContextEntry {
        kind: "message".to_owned(),
        body: body.to_owned(),
        provenance: Some(v1::Provenance {
            source: v1::ProvenanceSource::Customer.into(),
            reference: "mail".to_owned(),
        }),
    };
    let request = v1::OpenCaseRequest {
        request_id: request.to_owned(),
        subject: format!("the matter of {request}"),
        kind: kind.to_owned(),
        customer: "customer-1".to_owned(),
        channel: "mail".to_owned(),
        context: [text].into_iter().filter(|text| !text.is_empty()).map(entry).collect(),
        ..Default::default()
    };
    let opened = tool.cases().open_case(request).await?.into_inner();
    Ok(opened.case.unwrap().summary.unwrap().id)
}

/// Looks again and again until there is what is waited for.
async fn until<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(begun.elapsed() < LONG, "waited {LONG:?} in vain for {what}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Without its tool a test proves nothing, and says so.
fn is_here(tool: &str, arguments: &[&str], what: &str) -> bool {
    let found =
        Command::new(tool).args(arguments).stdout(Stdio::null()).stderr(Stdio::null()).status();
    let here = found.is_ok_and(|status| status.success());
    if !here {
        println!("SKIPPED: {what}: {tool} is not installed or not allowed; nothing was proven");
    }
    here
}
