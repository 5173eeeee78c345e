//! Every stand-in answers in the shapes that its vendor publishes.
//!
//! `recorded/VENDOR/*.json` hold the vendors' own examples, each with its source. An answer is held against one key by
//! key: what the example has, the answer has, in the same form (a moment, an id, a number, an address); and what the
//! answer has, the example has, unless a test says otherwise.

#[path = "recorded/goalert.rs"]
mod goalert;
#[path = "recorded/jira.rs"]
mod jira;
#[path = "recorded/pager_duty.rs"]
mod pager_duty;
#[path = "recorded/service_now.rs"]
mod service_now;
#[path = "recorded/shape.rs"]
mod shape;
#[path = "recorded/visit.rs"]
mod visit;
#[path = "recorded/zendesk.rs"]
mod zendesk;

/// An example that nothing is held against proves nothing.
#[test]
fn every_recorded_example_names_its_source_and_is_used() {
    let root = format!("{}/tests/recorded", env!("CARGO_MANIFEST_DIR"));
    for vendor in ["service_now", "jira", "zendesk", "pager_duty", "goalert"] {
        let tests = std::fs::read_to_string(format!("{root}/{vendor}.rs")).expect("the tests");
        let mut seen = 0;
        for entry in std::fs::read_dir(format!("{root}/{vendor}")).expect("the examples") {
            let path = entry.expect("an example").path();
            let name = path.file_stem().and_then(|name| name.to_str()).expect("a name");
            shape::recorded(vendor, name);
            assert!(tests.contains(&format!("\"{name}\"")), "{vendor}/{name} is not used");
            seen += 1;
        }
        assert!(seen > 0, "{vendor} has no examples");
    }
}
