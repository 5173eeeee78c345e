//! Before a trial writes to a live system it says what will be sent there and what becomes of it, and wants to be told the
//! contract's name.

use std::io::{self, BufRead, IsTerminal, Write};

use belay_playbook::Contract;
use belay_supervisor::TrialReport;

use crate::exit::{Exit, Failure};
use crate::output::clean;

/// Asks on the terminal. An error where nobody can be asked, or where the answer is no.
pub(super) fn ask(contract: &Contract, seen: &TrialReport) -> Result<(), Failure> {
    let id = contract.id();
    let (stdin, mut stderr) = (io::stdin(), io::stderr());
    if !stdin.is_terminal() {
        let what = format!("{id} would be written to the live system {}", contract.system());
        return Err(Failure::new(Exit::Refused, what)
            .hint("say --yes where nobody can be asked, or leave --write out to only read"));
    }
    // Whoever closed their standard error cannot have agreed to what was asked there.
    let closed = |error: io::Error| Failure::of("nobody can be asked", &error);
    write!(stderr, "{}", text(contract, seen)).and_then(|()| stderr.flush()).map_err(closed)?;
    let mut answer = String::new();
    stdin.lock().read_line(&mut answer).map_err(closed)?;
    if agrees(contract, &answer) {
        return Ok(());
    }
    Err(Failure::new(Exit::Refused, "nothing was written")
        .hint(format!("to write, answer with the contract's name, {}", contract.name())))
}

/// What is asked.
fn text(contract: &Contract, seen: &TrialReport) -> String {
    let request = seen.stages.iter().find(|stage| stage.name == "request");
    let mut text =
        format!("This writes to the live system {}:\n", clean(contract.system().as_str()));
    for line in request.into_iter().flat_map(|stage| &stage.details) {
        text.push_str(&format!("  {}\n", clean(line)));
    }
    let policy = seen.stages.iter().filter(|stage| stage.name == "policy");
    for line in policy.flat_map(|stage| &stage.details).filter(|it| it.contains("have to agree")) {
        text.push_str(&format!("In use {}; nobody is asked here.\n", clean(line)));
    }
    text.push_str(if contract.is_compensable() {
        "It is read back and then undone. If undoing fails, it stays there and has to be undone by hand.\n"
    } else {
        "It cannot be undone, and stays there.\n"
    });
    text + &format!("Type {} to write it: ", clean(contract.name()))
}

/// The name with or without its version, and nothing else.
fn agrees(contract: &Contract, answer: &str) -> bool {
    let answer = answer.trim();
    answer == contract.name() || answer == contract.id().as_str()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use belay_playbook::{Contract, Playbook};
    use belay_supervisor::{StageEnd, TrialReport, TrialStage};

    use super::{agrees, text};

    #[test]
    fn it_is_said_what_is_sent_where_and_whether_it_stays() {
        let seen = TrialReport {
            stages: [
                (
                    "policy",
                    vec!["decided by p".to_owned(), "2 of finance have to agree".to_owned()],
                ),
                (
                    "request",
                    vec!["POST erp /x".to_owned(), "idempotency key k\u{1b}[1A".to_owned()],
                ),
            ]
            .map(|(name, details)| TrialStage { name, ended: StageEnd::Held, details })
            .into(),
        };
        with("erp.credit_note@1", |contract| {
            assert_eq!(
                text(contract, &seen),
                "This writes to the live system erp:\n  POST erp /x\n  idempotency key k [1A\n\
                 In use 2 of finance have to agree; nobody is asked here.\n\
                 It is read back and then undone. If undoing fails, it stays there and has to be undone by hand.\n\
                 Type erp.credit_note to write it: "
            );
        });
        with("billing.refund@1", |contract| {
            assert!(text(contract, &seen).contains("It cannot be undone, and stays there."));
        });
    }

    #[test]
    fn only_the_name_is_a_yes() {
        with("erp.credit_note@1", |contract| {
            assert!(agrees(contract, "erp.credit_note\n") && agrees(contract, "erp.credit_note@1"));
            for no in ["", "\n", "y\n", "yes", "erp.credit", "erp.credit_note@2"] {
                assert!(!agrees(contract, no), "{no:?}");
            }
        });
    }

    fn with(contract: &str, look: impl FnOnce(&Contract)) {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../playbooks/support-desk");
        let playbook = Playbook::load(&folder).unwrap();
        look(playbook.contract(&contract.parse().unwrap()).unwrap());
    }
}
