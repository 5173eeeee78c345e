//! What is read back from the journal: events, and lists of cases page by page.

use std::sync::LazyLock;

use belay_domain::{CaseId, Command, Event, Timestamp, decide, next_moment, owed, replay};
use belay_journal::{Journal, Options, Order, Query, SearchError};
use tempfile::TempDir;
use tokio::runtime::Runtime;

/// Events, one on each line, as they are stored. They become a case, whatever they are, and time passes for it.
pub fn stored_events(data: &[u8]) {
    let lines = data.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).take(200);
    let mut events = Vec::new();
    for line in lines {
        // The first line that cannot be read is where reading stops: the case is not loaded.
        let Ok(event) = serde_json::from_slice::<Event>(line) else { break };
        let again = serde_json::to_vec(&event).expect("it is written again");
        let read: Event = serde_json::from_slice(&again).expect("and read again");
        assert_eq!(read, event);
        events.push(event);
    }
    let Ok(id) = "c-1".parse::<CaseId>() else { return };
    let case = replay(id, &events);
    let last = events.last().map_or(Timestamp::UNIX_EPOCH, |event| event.at);
    for now in [Some(last), next_moment(&case), Some(Timestamp::MAX)].into_iter().flatten() {
        let _ = case.coverage(now);
        let _ = owed(&case, now);
        let _ = decide(&case, &Command::Tick, now);
    }
}

struct Store {
    _directory: TempDir,
    journal: Journal,
    runtime: Runtime,
}

static STORE: LazyLock<Store> = LazyLock::new(|| {
    let directory = tempfile::tempdir().expect("a directory");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.expect("a runtime");
    let within = runtime.enter();
    let journal = Journal::open(directory.path(), Options::default()).expect("a journal");
    drop(within);
    Store { _directory: directory, journal, runtime }
});

/// A search, and where it goes on: words before the first NUL, a page token behind it.
pub fn search(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let (words, token) = text.split_once('\0').unwrap_or((text, ""));
    let order = [Order::OpenedNewest, Order::OpenedOldest, Order::UpdatedNewest][data.len() % 3];
    let query = Query {
        tenant: "default".to_owned(),
        text: Some(words.to_owned()).filter(|words| !words.is_empty()),
        order,
        page_token: Some(token.to_owned()).filter(|token| !token.is_empty()),
        ..Query::default()
    };
    let found = STORE.runtime.block_on(STORE.journal.search(query));
    assert!(!matches!(found, Err(SearchError::Read(_))), "{found:?}");
}
