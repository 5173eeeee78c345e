//! The words in which stories speak of systems that have to agree after a plan: `complete A x money undo settle=3`, and
//! then `systems x a1=equal a2=differs a3=unreadable sent=8`.

use belay_domain::{Compared, Comparison, Difference, Equality, Span};

use crate::terms::id;

/// The equalities that a line wants: of money, after every refund, and of a thing that is written elsewhere.
pub(crate) fn equalities(words: &[&str]) -> Vec<Equality> {
    let settle = words.iter().find_map(|word| word.strip_prefix("settle="));
    let settle = settle.map_or(0, |text| text.parse().expect("seconds"));
    let after = |name: &str, after: &str, undo| Equality {
        name: name.to_owned(),
        after: after.to_owned(),
        undo,
        settle_within: Span::from_secs(settle),
        compare_within: Span::from_secs(10),
    };
    let wanted = words.iter().filter_map(|word| match *word {
        "money" => Some(after("money", "refund", words.contains(&"undo"))),
        "names" => Some(after("names", "refund", false)),
        "elsewhere" => Some(after("elsewhere", "credit", false)),
        _ => None,
    });
    wanted.collect()
}

/// What was compared: `a1=equal` for money, `names:a1=equal` for another equality.
pub(crate) fn compared(words: &[&str]) -> Vec<Compared> {
    let shown = words.iter().filter(|word| !word.starts_with("sent="));
    let shown = shown.map(|word| {
        let (about, shown) = word.split_once('=').expect("action=shown");
        let (equality, action) = about.split_once(':').unwrap_or(("money", about));
        let shown = match shown {
            "equal" => Comparison::Equal { shown: "{}".to_owned() },
            "differs" => Comparison::Different { differences: vec![difference()] },
            "unreadable" => Comparison::Unreadable { detail: "down".to_owned() },
            other => panic!("nothing shows {other}"),
        };
        Compared { equality: equality.to_owned(), action: id(&format!("c/{action}")), shown }
    });
    shown.collect()
}

fn difference() -> Difference {
    Difference {
        object: "payment".to_owned(),
        field: "given_back".to_owned(),
        system: id("erp"),
        id: "12".to_owned(),
        expected: "42000".to_owned(),
        truth: id("processor"),
        found: "0".to_owned(),
        mapping: 1,
    }
}

#[test]
fn a_difference_names_everything_that_people_need() {
    let said = "payment.given_back is 0 in erp (12) and 42000 in processor";
    assert_eq!(difference().to_string(), said);
    let missing = Difference { id: String::new(), found: "not there".to_owned(), ..difference() };
    let said = "payment.given_back is not there in erp and 42000 in processor";
    assert_eq!(missing.to_string(), said);
}
