//! Ticket systems in a playbook: adapters that come with Belay, adapters of one's own, and what is said about both.

use belay_playbook::{Playbook, SourceFile, SystemKind};

const SERVICENOW: &str = "  snow:
    kind: itsm
    adapter: servicenow
    base_url: ${SNOW}
    credential: {env: SNOW_PASSWORD}
    service_account: belay
    machines: [scheduler]
    queues:
      service-desk: {called: 287ebd7da9fe198100f92cc8d1d2154e}
    fields: {case: u_belay_case}
    statuses: {\"4\": open}
    resolutions: {Solution provided: done}
";

#[test]
fn an_installation_adds_to_what_its_adapter_says() {
    let playbook = load(SERVICENOW, &[]).expect("it is right");
    let system = playbook.system(&"snow".parse().expect("an id")).expect("it is there");
    assert!(system.has_queue(&"service-desk".parse().expect("an id")));
    let SystemKind::Itsm(itsm) = &system.kind else { panic!("{system:?}") };
    assert_eq!(itsm.description.name(), "ServiceNow");
    assert_eq!(itsm.settings.fields.get("case").map(String::as_str), Some("u_belay_case"));
}

#[test]
fn what_an_adapter_does_not_know_is_refused_where_it_stands() {
    wrong("adapter: servicenow", "adapter: servicenov", 5, "did you mean servicenow?");
    wrong("{case: u_belay_case}", "{cases: u_belay_case}", 12, "did you mean case?");
    wrong("{called: 287ebd7da9fe198100f92cc8d1d2154e}", "{called: a^b}", 11, "a^b");
    wrong("    service_account: belay\n", "", 4, "add service_account");
    wrong("    credential: {env: SNOW_PASSWORD}\n", "", 4, "add credential");
    wrong("{Solution provided: done}", "{Solution provided: dome}", 14, "did you mean done?");
    wrong("\"4\": open", "\"4\": opened", 13, "cannot be");
}

#[test]
fn an_adapter_of_ones_own_is_read_from_the_playbook() {
    let own = SERVICENOW.replace("adapter: servicenow", "adapter: ./adapters/mine.yaml");
    let mine = include_str!("../../adapter/descriptions/servicenow.yaml");
    assert!(load(&own, &[("adapters/mine.yaml", mine)]).is_ok());
    let text = load(&own, &[]).expect_err("it is not there");
    assert!(text.contains("systems.yaml:5"), "{text}");
    assert!(text.contains("there is no adapter ./adapters/mine.yaml"), "{text}");
}

#[test]
fn what_is_wrong_with_an_adapter_is_told_at_once_with_its_lines() {
    let own = SERVICENOW.replace("adapter: servicenow", "adapter: adapters/mine.yaml");
    let mine = include_str!("../../adapter/descriptions/servicenow.yaml")
        .replace("  id: record.sys_id\n", "  id: recrod.sys_id\n")
        .replace("      items: answer.result\n", "      items: answer.result +\n")
        .replace("holder, to: entry.newvalue", "holder")
        .replace("    - name: holders\n", "    - name: audit\n");
    let text = load(&own, &[("adapters/mine.yaml", &mine)]).expect_err("it is wrong");
    for expected in [
        "recrod means nothing here (did you mean record?)",
        "audit means something already",
        "only holder says to whom",
    ] {
        let line = text.lines().find(|line| line.contains(expected));
        let line = line.unwrap_or_else(|| panic!("{expected} is missing in {text}"));
        let number =
            line.strip_prefix("adapters/mine.yaml:").and_then(|rest| rest.split(':').next());
        assert!(
            number.is_some_and(|number| number.parse::<u32>().is_ok_and(|it| it > 20)),
            "{line}"
        );
    }
    assert!(text.lines().filter(|line| line.contains("write an expression in CEL")).count() > 3);
    let field = include_str!("../../adapter/descriptions/servicenow.yaml")
        .replace("  at_once: 50\n", "  atonce: 50\n");
    let text = load(&own, &[("adapters/mine.yaml", &field)]).expect_err("it is wrong");
    assert!(text.contains("the field atonce is unknown here (did you mean at_once?)"), "{text}");
}

#[track_caller]
fn wrong(from: &str, to: &str, line: u32, expected: &str) {
    assert!(SERVICENOW.contains(from));
    let text = load(&SERVICENOW.replace(from, to), &[]).expect_err("it is wrong");
    let place = format!("systems.yaml:{line}:");
    assert!(text.contains(&place) && text.contains(expected), "{text}");
}

/// A small playbook with this system in it; otherwise everything that is wrong.
fn load(system: &str, more: &[(&str, &str)]) -> Result<Playbook, String> {
    let desk = "  desk: {kind: desk, queues: {front: {staff: [ann]}}, people: {ann: {}}}\n";
    let systems = format!("systems:\n{desk}{system}");
    let files = [
        ("playbook.yaml", "name: small\n"),
        ("agents.yaml", "roles: {clerk: sells}\nagents: {}\n"),
        ("systems.yaml", systems.as_str()),
        (
            "escalations/ask.yaml",
            "name: ask\nfreshness: 60s\nsteps:\n  - {queue: desk/front, acknowledge_within: 5m}\nbackoff: {first: 1s, most: 1m}\nresolutions: [done]\n",
        ),
        ("routing.yaml", "otherwise: {to: people, takeover: ask}\n"),
        ("taxonomy.yaml", "resolutions:\n  done: {title: Done, means: resolve}\n"),
    ];
    let file = |(path, text): &(&str, &str)| SourceFile {
        path: (*path).to_owned(),
        text: (*text).to_owned(),
    };
    let files: Vec<SourceFile> = files.iter().chain(more).map(file).collect();
    Playbook::from_files(files).map_err(|problems| problems.to_string())
}
