use crate::fixture::{Fixture, entry};
use crate::{Auditor, Entry};

#[tokio::test]
async fn every_event_is_one_line_in_order() {
    let f = Fixture::new();
    for n in 0..3 {
        f.append(entry(&format!("c{n}"), 0, 400)).await;
    }
    let lines: Vec<String> =
        Auditor::open(f.dir()).unwrap().export(1).map(Result::unwrap).collect();
    assert_eq!(lines.len(), 1_199);
    for (position, line) in (2..).zip(&lines) {
        let value: serde_json::Value = serde_json::from_str(line).unwrap();
        assert_eq!(value["position"], position);
        assert_eq!(value["body"]["number"], value["seq"]);
    }
    let hash = f.journal.tail(1, 1).await.unwrap()[0].hash;
    assert_eq!(
        lines[0],
        format!(
            r#"{{"position":2,"tenant":"t","case":"c0","seq":2,"kind":"noted","at":"1970-01-01T00:16:42Z","hash":"{hash}","body":{{"number":2}}}}"#
        )
    );
}

#[tokio::test]
async fn bodies_are_embedded_only_when_that_keeps_every_byte() {
    for (body, expected) in [
        ("{\"b\": 1,  \"a\": 2}", "\"body\":{\"b\": 1,  \"a\": 2}}"),
        ("{\n}", "\"body_hex\":\"7b0a7d\"}"),
        ("{", "\"body_hex\":\"7b\"}"),
        ("", "\"body_hex\":\"\"}"),
    ] {
        let f = Fixture::new();
        let mut one: Entry = entry("a", 0, 1);
        one.events[0].body = body.as_bytes().to_vec();
        f.append(one).await;
        let line = f.journal.load("a").await.unwrap()[0].to_json_line();
        assert!(line.ends_with(expected), "{line}");
        assert!(serde_json::from_str::<serde_json::Value>(&line).is_ok(), "{line}");
    }
}
