use std::sync::Arc;

use belay_domain::{ContextEntry, Finding, Provenance, Source, Timestamp};
use serde_json::{Value, json};

use crate::{Answer, CaseFacts, Playbook, Reads, SourceFile};

fn files() -> Vec<SourceFile> {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../playbooks/northgate");
    crate::source::read(&folder).unwrap()
}

fn case(customer: &str) -> CaseFacts {
    CaseFacts {
        tenant: "northgate".parse().unwrap(),
        id: "c-1".parse().unwrap(),
        kind: "double-charge".to_owned(),
        severity: None,
        channel: "mail".to_owned(),
        customer: customer.to_owned(),
        subject: "charged twice".to_owned(),
        labels: vec![("amount_minor".to_owned(), "42000".to_owned())],
    }
}

fn fact(body: Value, source: Source) -> Arc<ContextEntry> {
    let provenance = Provenance { source, reference: "mail".to_owned() };
    let (kind, at) = ("fact".to_owned(), Timestamp::UNIX_EPOCH);
    Arc::new(ContextEntry { kind, body: body.to_string(), provenance, at })
}

/// What Northgate's systems answer.
fn answer(read: &crate::PreparedRead) -> Answer {
    Answer::Found(match read.name.as_str() {
        "payer" => json!({"has_more": false, "data": [{
            "id": "cus_1", "object": "customer", "email": "ap@cobaltfreight.example", "metadata": {"erp_customer": "C10008"},
        }]}),
        "address" | "called" => json!([{
            "id": 8, "code": "C10008", "name": "Cobalt Freight Systems, Inc.",
            "contact_mechanisms": [{"type": "email", "value": "ap@cobaltfreight.example"}],
        }]),
        "charges" => json!({"data": [
            {"amount": 42000, "created": 1_795_478_259, "metadata": {"customer": "cus_1"}},
            {"amount": 1, "created": 1, "metadata": {"customer": "cus_2"}},
            {"amount": 2, "created": 1, "metadata": {}},
        ]}),
        "account" => json!({"active_accounts": {"open_accounts": [
            {"id": 19, "tags": [{"name": "erp:C10008"}]}, {"id": 20, "tags": []},
        ]}}),
        other => panic!("nobody asks for {other}"),
    })
}

fn search(
    case: &CaseFacts,
    context: &[Arc<ContextEntry>],
    answer: impl Fn(&crate::PreparedRead) -> Answer,
) -> (belay_domain::Identification, Vec<String>) {
    let playbook = Playbook::from_files(files()).unwrap_or_else(|wrong| panic!("{wrong}"));
    let (mut reads, mut asked) = (Reads::default(), Vec::new());
    loop {
        let open = playbook.lookups("customer", case, context, &reads);
        if open.is_empty() {
            break;
        }
        for read in open {
            asked.push(read.name.clone());
            reads.add(&read, answer(&read));
        }
    }
    (playbook.identify("customer", case, context, &reads).unwrap(), asked)
}

#[test]
fn a_customer_is_found_by_address_amount_and_day_in_all_systems() {
    let context = [fact(json!({"charged_on": "2026-11-24"}), Source::Customer)];
    let (found, asked) = search(&case("AP@cobaltfreight.example"), &context, answer);
    assert_eq!((found.finding, found.confidence), (Finding::Identified, 90), "{found:#?}");
    let ids: Vec<_> = found.ids.iter().map(|(system, id)| format!("{system} {id}")).collect();
    assert_eq!(ids, ["crm 19", "erp-ledger 8", "processor cus_1"]);
    assert_eq!(asked, ["payer", "address", "charges", "account"]);
    let told = found.lines.join("\n");
    assert!(told.contains("email (customer) agrees: +50"), "{told}");
    assert!(!told.contains("cobaltfreight") && !told.contains("42000"), "{told}");
}

#[test]
fn a_guess_of_a_model_is_neither_key_nor_evidence() {
    let guess = json!({"email": "ap@cobaltfreight.example", "charged_on": "2026-11-24"});
    let (found, asked) = search(&case(""), &[fact(guess, Source::Model)], answer);
    assert_eq!((found.finding, asked.len()), (Finding::Nobody, 0), "{found:#?}");
}

#[test]
fn an_address_with_letters_that_look_like_others_is_no_key() {
    let (found, asked) = search(&case("\u{430}p@cobaltfreight.example"), &[], answer);
    assert_eq!((found.finding, asked.len()), (Finding::Nobody, 0), "{found:#?}");
    assert!(found.lines[0].contains("letters that may only look like others"), "{found:#?}");
}

#[test]
fn more_records_than_the_cap_are_too_many_and_not_the_first_of_them() {
    let many = |read: &crate::PreparedRead| match read.name.as_str() {
        "address" => {
            let one =
                json!({"id": 8, "code": "C10008", "name": "Cobalt", "contact_mechanisms": []});
            let all = (0..6).map(|id| {
                let mut one = one.clone();
                one["id"] = json!(id);
                one
            });
            Answer::Found(all.collect())
        }
        "payer" => Answer::Found(json!({"has_more": true, "data": []})),
        other => panic!("nobody asks for {other}"),
    };
    let (found, asked) = search(&case("ap@cobaltfreight.example"), &[], many);
    assert_eq!((found.finding, asked.len()), (Finding::Nobody, 2), "{found:#?}");
    assert!(found.lines[..2].iter().all(|line| line.contains("too many")), "{found:#?}");
}

#[test]
fn a_system_that_cannot_be_read_identifies_nobody() {
    let blind = |read: &crate::PreparedRead| match read.name.as_str() {
        "account" => Answer::Unreadable { detail: "down".to_owned() },
        _ => answer(read),
    };
    let context = [fact(json!({"charged_on": "2026-11-24"}), Source::Customer)];
    let (found, _) = search(&case("ap@cobaltfreight.example"), &context, blind);
    assert_eq!((found.finding, found.ids.len()), (Finding::Unreadable, 0), "{found:#?}");
}

#[test]
fn what_cannot_work_is_an_error_with_its_place() {
    let check = |from: &str, to: &str, what: &str| {
        let mut files = files();
        let file = files.iter_mut().find(|file| file.path == "identity.yaml").unwrap();
        assert!(file.text.contains(from), "{from}");
        file.text = file.text.replacen(from, to, 1);
        let wrong = Playbook::from_files(files).map(drop).unwrap_err().to_string();
        assert!(
            wrong.contains("identity.yaml:") && wrong.contains(what),
            "{from} -> {to}: {wrong}"
        );
    };
    check("needs: [email]", "needs: [shoe_size]", "nobody can know shoe_size");
    check("follows: [code, name]", "follows: [code, shoe]", "no lookup before this one shows shoe");
    check("same: [email, code]", "same: [email, cod]", "no lookup shows a field cod");
    check("system: crm", "system: crn", "the system crn is unknown");
    check("is_customer: true", "is_customer: true, at_least: model", "is a guess");
    check("facts.email }}", "facts.name }}", "does not wait for it");
    check("bar: 80", "bar: 80\n    ceiling: 3", "ceiling");
    let weak = "agrees: 50, disagrees: 40}\n      name: {kind: name, agrees: 40, partly: 25";
    check(weak, "agrees: 1}\n      name: {kind: name, agrees: 1, partly: 2", "a part counts more");
    let mut cheap = files();
    let file = cheap.iter_mut().find(|file| file.path == "identity.yaml").unwrap();
    file.text = file
        .text
        .replace("agrees: 50", "agrees: 1")
        .replace("agrees: 40", "agrees: 1")
        .replace("agrees: 30", "agrees: 1")
        .replace("partly: 25", "partly: 1")
        .replace("partly: 15", "partly: 1");
    let wrong = Playbook::from_files(cheap).map(drop).unwrap_err().to_string();
    assert!(wrong.contains("nobody can reach this"), "{wrong}");
}
