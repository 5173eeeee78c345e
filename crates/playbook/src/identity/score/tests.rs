use belay_domain::Finding::{self, Ambiguous, BelowBar, Identified, Nobody, Unreadable};
use belay_domain::Source;
use serde_json::{Value, json};

use super::*;

fn sought() -> Sought {
    let fact = |kind, agrees, partly, disagrees| Fact {
        kind,
        is_customer: false,
        at_least: Source::Customer,
        agrees,
        partly,
        disagrees,
        days: 2,
    };
    Sought {
        bar: 80,
        margin: 20,
        reads_max: 20,
        within: belay_domain::Span::from_secs(10),
        facts: BTreeMap::from([
            ("email".to_owned(), fact(FactKind::Email, 50, 0, 40)),
            ("name".to_owned(), fact(FactKind::Name, 40, 25, 40)),
            ("card".to_owned(), fact(FactKind::Digits, 30, 15, 20)),
            ("amount".to_owned(), fact(FactKind::Integer, 20, 0, 20)),
            ("on".to_owned(), fact(FactKind::Date, 20, 0, 20)),
        ]),
        same: vec!["code".to_owned(), "email".to_owned()],
        lookups: Vec::new(),
    }
}

fn known(facts: &Value, source: Source) -> Known {
    let facts = facts.as_object().unwrap().iter();
    facts.map(|(name, value)| (name.clone(), (source, vec![value.clone()]))).collect()
}

fn record(system: &str, id: &str, fields: Value) -> Record {
    let fields = fields.as_object().unwrap().iter();
    let values = |value: &Value| match value {
        Value::Array(values) => values.clone(),
        value => vec![value.clone()],
    };
    Record {
        system: system.parse().unwrap(),
        id: id.to_owned(),
        fields: fields.map(|(name, value)| (name.clone(), values(value))).collect(),
        follows: None,
    }
}

fn found(known: &Known, records: &[Record]) -> Scored {
    let sought = sought();
    scored(&sought, known, &people(&sought, records), false)
}

#[track_caller]
fn check(facts: Value, records: &[Record], finding: Finding, confidence: u32) {
    let scored = found(&known(&facts, Source::Customer), records);
    assert_eq!((scored.finding, scored.confidence), (finding, confidence), "{scored:#?}");
}

fn cobalt() -> Vec<Record> {
    vec![
        record(
            "pay",
            "cus_1",
            json!({"email": "AP@cobalt.example", "code": "C8", "amount": 42000, "on": 1_795_478_258}),
        ),
        record(
            "erp",
            "8",
            json!({"email": ["dana@cobalt.example", "ap@cobalt.example"], "code": "C8", "name": "Cobalt Freight, Inc."}),
        ),
    ]
}

#[test]
fn what_is_known_in_part_adds_up() {
    check(json!({"email": "ap@cobalt.example"}), &cobalt(), BelowBar, 50);
    check(
        json!({"email": "ap@cobalt.example", "amount": 42000, "on": "2026-11-24"}),
        &cobalt(),
        Identified,
        90,
    );
    check(
        json!({"name": "Cobalt Freight", "amount": "42000", "on": "2026-11-23"}),
        &cobalt(),
        BelowBar,
        65,
    );
    check(
        json!({"email": "ap@cobalt.example", "name": "COBALT  freight inc"}),
        &cobalt(),
        Identified,
        90,
    );
    check(
        json!({"email": "ap@cobalt.example", "on": "2026-11-20", "amount": 42000}),
        &cobalt(),
        BelowBar,
        50,
    );
    check(json!({"email": "nobody@nowhere.example"}), &[], Nobody, 0);
}

#[test]
fn records_of_one_customer_in_several_systems_are_one_candidate() {
    let scored = found(
        &known(
            &json!({"email": "ap@cobalt.example", "amount": 42000, "on": "2026-11-24"}),
            Source::Customer,
        ),
        &cobalt(),
    );
    let ids: Vec<_> = scored.candidates[0].ids.iter().map(|(s, id)| format!("{s} {id}")).collect();
    assert_eq!(ids, ["erp 8", "pay cus_1"]);
    assert_eq!(scored.candidates.len(), 1);
}

#[test]
fn two_for_whom_the_same_speaks_are_never_told_apart() {
    let twins = [
        record("erp", "10", json!({"name": "Harbor Analytics", "card": "4242"})),
        record("erp", "11", json!({"name": "Harbor Analytics", "card": "4242"})),
    ];
    check(
        json!({"name": "harbor analytics", "card": "4242", "email": "x@y.example"}),
        &twins,
        BelowBar,
        70,
    );
    let twins = twins.map(|mut twin| {
        twin.fields.insert("amount".to_owned(), vec![json!(1)]);
        twin
    });
    check(json!({"name": "harbor analytics", "card": "4242", "amount": 1}), &twins, Ambiguous, 90);
}

#[test]
fn two_records_of_one_system_under_one_address_are_not_one_customer() {
    let two = [
        record("pay", "cus_1", json!({"email": "ap@one.example", "amount": 5, "on": "2026-01-01"})),
        record("pay", "cus_2", json!({"email": "ap@one.example", "amount": 5, "on": "2026-01-01"})),
    ];
    check(json!({"email": "ap@one.example", "amount": 5, "on": "2026-01-01"}), &two, Ambiguous, 90);
}

#[test]
fn letters_that_look_like_others_do_not_agree() {
    // The a is Cyrillic.
    let facts = json!({"email": "\u{430}p@cobalt.example", "amount": 42000, "on": "2026-11-24"});
    let scored = found(&known(&facts, Source::Customer), &cobalt());
    assert_eq!((scored.finding, scored.confidence), (BelowBar, 0), "{scored:#?}");
    let line = "email (customer) looks alike and is not the same: -40";
    assert!(scored.candidates[0].lines.iter().any(|known| known == line), "{scored:#?}");
    // Wide letters are the same letters.
    let facts = json!({"email": "\u{ff41}p@cobalt.example", "amount": 42000, "on": "2026-11-24"});
    assert_eq!(found(&known(&facts, Source::Customer), &cobalt()).finding, Identified);
}

#[test]
fn a_verified_fact_that_does_not_agree_excludes_whatever_the_score() {
    let mut facts = known(
        &json!({"email": "ap@cobalt.example", "name": "Cobalt Freight Inc", "amount": 42000}),
        Source::Customer,
    );
    assert_eq!(found(&facts, &cobalt()).finding, Identified);
    facts.insert("on".to_owned(), (Source::VerifiedChannel, vec![json!("2025-01-01")]));
    let scored = found(&facts, &cobalt());
    assert_eq!((scored.finding, scored.confidence), (BelowBar, 0));
    assert!(scored.candidates[0].excluded && scored.candidates[0].score >= 80, "{scored:#?}");
}

#[test]
fn of_several_values_that_are_said_the_worst_counts() {
    let mut facts = known(&json!({"name": "Cobalt Freight Inc"}), Source::Customer);
    let said = vec![json!("ap@cobalt.example"), json!("other@else.example")];
    facts.insert("email".to_owned(), (Source::Customer, said));
    assert_eq!(found(&facts, &cobalt()).confidence, 0);
}

#[test]
fn what_was_not_read_may_show_somebody_else() {
    let (sought, facts) =
        (sought(), json!({"email": "ap@cobalt.example", "name": "Cobalt Freight Inc"}));
    let known = known(&facts, Source::Customer);
    let scored = scored(&sought, &known, &people(&sought, &cobalt()), true);
    assert_eq!(scored.finding, Unreadable);
}

/// A small generator, so that a failure can be told again by its seed.
struct Dice(u64);

impl Dice {
    fn below(&mut self, most: u64) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % most
    }

    fn record(&mut self) -> Record {
        let mut fields = serde_json::Map::new();
        for name in ["email", "name", "card", "amount", "on", "code"] {
            match (self.below(3), name) {
                (0, _) => continue,
                (_, "email") => {
                    fields.insert(name.to_owned(), json!(format!("u{}@x.example", self.below(3))))
                }
                (_, "on") => {
                    fields.insert(name.to_owned(), json!(format!("2026-01-0{}", 1 + self.below(9))))
                }
                (_, _) => fields.insert(name.to_owned(), json!(self.below(3))),
            };
        }
        let system = ["pay", "erp", "crm"][self.below(3) as usize];
        record(system, &self.below(4).to_string(), Value::Object(fields))
    }

    fn known(&mut self) -> Known {
        let record = self.record();
        let source = if self.below(3) == 0 { Source::VerifiedChannel } else { Source::Customer };
        record.fields.into_iter().map(|(name, values)| (name, (source, values))).collect()
    }
}

#[test]
fn whatever_the_order_of_the_records_the_same_is_found() {
    for seed in 0..2_000 {
        let mut dice = Dice(seed);
        let known = dice.known();
        let records: Vec<Record> = (0..dice.below(7)).map(|_| dice.record()).collect();
        let first = found(&known, &records);
        let mut turned = records.clone();
        turned.reverse();
        let middle = turned.len() / 2;
        turned.rotate_left(middle);
        assert_eq!(first, found(&known, &turned), "seed {seed}: {records:#?}");
    }
}

#[test]
fn a_fact_with_which_nobody_agrees_never_raises_the_confidence() {
    for seed in 0..2_000 {
        let mut dice = Dice(seed);
        let mut known = dice.known();
        let records: Vec<Record> = (0..dice.below(7)).map(|_| dice.record()).collect();
        let before = found(&known, &records);
        let name = ["email", "name", "card", "amount", "on"][dice.below(5) as usize];
        let wrong = if name == "on" { json!("1999-01-01") } else { json!("99887766") };
        let source = if dice.below(2) == 0 { Source::VerifiedChannel } else { Source::Customer };
        known.entry(name.to_owned()).or_insert((source, Vec::new())).1.push(wrong);
        let after = found(&known, &records);
        assert!(after.confidence <= before.confidence, "seed {seed}: {before:#?} {after:#?}");
    }
}

#[test]
fn whoever_is_identified_reached_the_bar_and_is_ahead_of_everybody_else() {
    let mut identified = 0;
    for seed in 0..5_000 {
        let mut dice = Dice(seed);
        let known = dice.known();
        let records: Vec<Record> = (0..dice.below(7)).map(|_| dice.record()).collect();
        let scored = found(&known, &records);
        if scored.finding != Identified {
            continue;
        }
        identified += 1;
        let (best, others) = scored.candidates.split_first().unwrap();
        assert!(!best.excluded && best.score >= 80, "seed {seed}: {scored:#?}");
        let near = others.iter().any(|one| !one.excluded && best.score - one.score < 20);
        assert!(!near, "seed {seed}: {scored:#?}");
    }
    assert!(identified > 20, "only {identified} were identified; the worlds are too poor");
}
