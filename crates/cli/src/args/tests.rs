use clap::error::ErrorKind;
use clap::{CommandFactory, Parser};

use super::Args;

#[test]
fn the_commands_fit_together() {
    Args::command().debug_assert();
}

#[test]
fn what_the_documentation_shows_is_understood() {
    for line in [
        "case open Refund --kind billing --customer C-7 --severity high --label a=b --same-as x",
        "case list --open --coverage uncovered refund invoice",
        "case show c-0123456789abcdef",
        "case watch c-0123456789abcdef --after 3",
        "case watch --output json",
        "case resolve c-1 --code done --note ok",
        "why c-1",
        "why c-0123456789abcdef/a1 --playbook playbooks/support-desk",
        "who-can billing.refund --playbook playbooks/support-desk",
        "who-can billing.refund@1 --playbook p --input refund.json --customer cust-1 --label a=b",
        "playbook diff old new --output json",
        "coverage",
        "coverage c-1",
        "coverage uncovered --pending",
        "approval list --mine --person dana --group finance",
        "approval approve c-1/a1 --note fine",
        "approval reject c-1/a1 --note no --shown d1",
        "agent list --connected",
        "escalation list --case c-1",
        "desk queues",
        "desk tickets --queue billing --mine",
        "desk take t-1 --token abc",
        "desk give-back t-1 later",
        "desk shift on",
        "playbook show",
        "playbook reload --dry-run",
        "audit verify --data .belay/data",
        "audit export --after 10 --to events.jsonl",
        "check playbooks/support-desk",
        "connector verify snow --queue service-desk --playbook playbooks/support-desk",
        "connector verify snow --queue q --playbook p --watch 60 --with-person 10 --output json",
        "connector verify snow --queue q --playbook p --with-person",
        "dev token --person alice --group finance --group lead",
        "dev agent-cert billing-1",
        "completions bash",
    ] {
        let words = std::iter::once("belay").chain(line.split(' '));
        assert!(Args::try_parse_from(words).is_ok(), "belay {line}");
    }
}

#[test]
fn mistakes_are_usage_errors() {
    for (line, expected) in [
        ("case", ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand),
        ("connector verify snow --queue q", ErrorKind::MissingRequiredArgument),
        ("case open", ErrorKind::MissingRequiredArgument),
        ("case open x --label novalue", ErrorKind::ValueValidation),
        ("case list --open --resolved", ErrorKind::ArgumentConflict),
        ("audit verify --checkpoint 3", ErrorKind::ValueValidation),
        ("desk shift maybe", ErrorKind::InvalidValue),
        ("why c-1 --token a --person b", ErrorKind::ArgumentConflict),
        ("whynot", ErrorKind::InvalidSubcommand),
    ] {
        let words = std::iter::once("belay").chain(line.split(' '));
        let error = Args::try_parse_from(words).unwrap_err();
        assert_eq!(error.kind(), expected, "belay {line}: {error}");
        assert_eq!(error.exit_code(), 2, "belay {line}");
    }
}
