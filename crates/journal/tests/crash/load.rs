//! A fixed load: the same submissions in the same order every time, and what a journal must hold after each.

use std::path::Path;

use belay_journal::{
    AppendError, Auditor, CaseRow, Claim, Entry, Journal, NewEvent, Options, Receipt, Usage,
};
use jiff::Timestamp;

const TENANT: &str = "t";
/// The case that every submission carries one event further.
const ALL: &str = "all";
/// How many other cases take turns.
const TURNS: u64 = 3;
/// How many events each submission has.
const EVENTS: u64 = 3;

/// Submission number `n`, the first being 1: two entries, three events, and one of everything that an entry can
/// change besides.
pub(crate) fn submission(n: u64) -> Vec<Entry> {
    let case = case_of(n);
    let holder = case.clone();
    vec![
        Entry {
            tenant: TENANT.to_owned(),
            case: ALL.to_owned(),
            expected_seq: n - 1,
            events: vec![event(n, 0)],
            ..Entry::default()
        },
        Entry {
            tenant: TENANT.to_owned(),
            expected_seq: 2 * turns_before(n),
            events: vec![event(n, 1), event(n, 2)],
            row: Some(row(n)),
            attention: Some(moment(n)),
            claims: vec![Claim { kind: "request".to_owned(), key: n.to_string(), holder }],
            usage: vec![usage(n)],
            case,
            ..Entry::default()
        },
    ]
}

/// What a journal answers to submission number `n`.
pub(crate) fn receipt(n: u64) -> Receipt {
    Receipt { first: EVENTS * (n - 1) + 1, last: EVENTS * n }
}

/// Makes a journal that holds the first `n` submissions, and closes it.
pub(crate) fn prepare(dir: &Path, n: u64) {
    let journal = Journal::open(dir, Options::default()).unwrap();
    for n in 1..=n {
        journal.submit(submission(n)).wait().unwrap();
    }
    close(&journal);
}

/// Checks that a journal holds the first so many submissions, whole and each once, where so many is what was
/// acknowledged or one more; that it holds nothing else; and that it takes the next. Says how many it held.
#[track_caller]
pub(crate) fn check_kept(dir: &Path, acknowledged: u64) -> u64 {
    let journal = match Journal::open(dir, Options::default()) {
        Ok(journal) => journal,
        Err(error) => panic!("the journal does not open again: {error}: {error:?}"),
    };
    let held = block_on(check_held(&journal));
    assert!(held >= acknowledged, "{acknowledged} were acknowledged and {held} are there");
    assert!(held <= acknowledged + 1, "{acknowledged} were acknowledged, and {held} are there");
    let again = journal.submit(submission(held.max(1))).wait();
    if held > 0 {
        assert!(matches!(again, Err(AppendError::Conflict(_))), "done twice: {again:?}");
        assert_eq!(journal.submit(submission(held + 1)).wait(), Ok(receipt(held + 1)));
    } else {
        assert_eq!(again, Ok(receipt(1)));
    }
    assert_eq!(block_on(check_held(&journal)), held + 1);
    close(&journal);
    let auditor = Auditor::open(dir).unwrap();
    let report = auditor.verify(&[], |_| {}).unwrap();
    assert_eq!((report.broken, report.events), (vec![], EVENTS * (held + 1)));
    held
}

/// Checks that what is there is exactly the first so many submissions, and says how many.
async fn check_held(journal: &Journal) -> u64 {
    let report = journal.verify(Vec::new(), |_| {}).await.unwrap();
    assert_eq!(report.broken, []);
    let held = report.events / EVENTS;
    assert_eq!(report.events, EVENTS * held, "a part of a submission is there");
    let stored = journal.tail(0, usize::MAX >> 1).await.unwrap();
    let stored = stored.into_iter().map(|event| (event.position, event.case, event.body));
    let meant = (1..=held).flat_map(|n| {
        let cases = [ALL.to_owned(), case_of(n), case_of(n)];
        (receipt(n).first..).zip(cases).zip(0..).map(move |((at, case), i)| (at, case, body(n, i)))
    });
    assert!(stored.eq(meant), "what is stored is not what was submitted");
    for n in held.saturating_sub(TURNS - 1).max(1)..=held {
        assert_eq!(journal.get(&case_of(n)).await.unwrap(), Some(row(n)));
    }
    for n in 1..=held + 1 {
        let holder = journal.claim(TENANT, "request", &n.to_string()).await.unwrap();
        assert_eq!(holder, (n <= held).then(|| case_of(n)), "the claim of {n}");
    }
    let used = journal.usage_since(TENANT, "budget", Timestamp::UNIX_EPOCH).await.unwrap();
    assert_eq!(used, (1..=held).map(usage).collect::<Vec<_>>());
    let due = journal.due(moment(1_000_000), 100).await.unwrap();
    let due: Vec<_> = due.into_iter().map(|due| (due.case, due.at)).collect();
    let last = held.saturating_sub(TURNS - 1).max(1)..=held;
    assert_eq!(due, last.map(|n| (case_of(n), moment(n))).collect::<Vec<_>>());
    held
}

/// Closes it in order.
pub(crate) fn close(journal: &Journal) {
    block_on(journal.close());
}

pub(crate) fn block_on<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

fn case_of(n: u64) -> String {
    format!("case-{}", n % TURNS)
}

/// How many earlier submissions were about the same case.
fn turns_before(n: u64) -> u64 {
    (1..n).filter(|earlier| earlier % TURNS == n % TURNS).count() as u64
}

fn event(n: u64, part: u64) -> NewEvent {
    NewEvent { kind: format!("noted-{part}"), at: moment(n), body: body(n, part) }
}

/// Now and then one that fills several pages.
fn body(n: u64, part: u64) -> Vec<u8> {
    let long = if n.is_multiple_of(4) && part == 1 { 9_000 } else { 120 };
    format!("{{\"n\":{n},\"part\":{part},\"text\":\"{}\"}}", "x".repeat(long)).into_bytes()
}

fn row(n: u64) -> CaseRow {
    CaseRow {
        tenant: TENANT.to_owned(),
        case: case_of(n),
        subject: format!("the matter number {n}"),
        kind: "note".to_owned(),
        status: "open".to_owned(),
        coverage: "pending".to_owned(),
        opened_at: moment(1),
        updated_at: moment(n),
        epoch: n,
        ..CaseRow::default()
    }
}

fn usage(n: u64) -> Usage {
    Usage {
        key: "budget".to_owned(),
        amount_minor: i64::try_from(n).unwrap(),
        currency: "EUR".to_owned(),
        at: moment(n),
        action: format!("action-{n}"),
    }
}

fn moment(n: u64) -> Timestamp {
    Timestamp::from_second(1_000 + i64::try_from(n).unwrap()).unwrap()
}
