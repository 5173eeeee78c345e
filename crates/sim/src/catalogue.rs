//! The catalogue of lies as a table: how often each row was told, and what Belay and two careless clients made of it.

use std::fmt::Write as _;

use crate::careless::Careless;
use crate::run::Ended;
use crate::scene::Scene;
use crate::tally::{LIES, Tally};

/// Under which name the runs with a random combination of lies are counted.
const COMBINED: &str = "several";

/// What Belay said, in the words of the tally.
const ASKED: [(&str, &str); 3] = [
    ("said", "coverage: by a person"),
    ("nobody", "coverage: nobody had it at that moment"),
    ("FALSE", "coverage: FALSE"),
];

/// Files what a run counted under the row that it was about.
pub(crate) fn file(ended: &mut Ended, careless: &Tally) {
    let row = Scene::Catalogue.row(ended.seed);
    let group = row.map_or(COMBINED.to_owned(), |row| format!("row {row:02}"));
    let told =
        row.map_or(ended.tally.of_all("lie "), |row| ended.tally.of(&format!("lie {row:02}")));
    ended.tally.count(&format!("{group}: runs"));
    ended.tally.add(&format!("{group}: told"), told);
    let crashes = ended.tally.of("supervisor: crashes");
    ended.tally.add(&format!("{group}: crashes"), crashes);
    for (short, name) in ASKED {
        let number = ended.tally.of(name);
        ended.tally.add(&format!("{group}: belay {short}"), number);
    }
    for client in [Careless::Sent, Careless::Acknowledged] {
        for what in ["said", "nobody"] {
            let number = careless.of(&format!("{}: {what}", client.name()));
            ended.tally.add(&format!("{group}: {} {what}", client.name()), number);
        }
        if careless.of(&format!("{}: nobody", client.name())) > 0 {
            ended.tally.count(&format!("{group}: {} runs", client.name()));
        }
    }
    if ended.tally.of("coverage: FALSE") > 0 {
        ended.tally.count(&format!("{group}: belay runs"));
    }
}

/// The table of a batch, as Markdown.
#[must_use]
pub fn table(tally: &Tally) -> String {
    let mut table = String::from(
        "| # | what happens | runs | told | Belay: answers `covered` | of them older than the evidence may be | \
         runs in which *sent is covered* was wrong | its wrong share of time | \
         runs in which *acknowledged is covered* was wrong | its wrong share of time |\n\
         | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |\n",
    );
    let alone = LIES.iter().map(|(row, what)| (format!("row {row:02}"), row.to_string(), *what));
    let several = (COMBINED.to_owned(), String::new(), "several of these at once");
    for (group, row, what) in alone.chain([several]) {
        let of = |name: &str| tally.of(&format!("{group}: {name}"));
        let runs = of("runs");
        let _ = write!(
            table,
            "| {row} | {what} | {runs} | {} | {} | {} |",
            of("told"),
            of("belay said"),
            of("belay FALSE"),
        );
        for client in [Careless::Sent, Careless::Acknowledged] {
            let name = client.name();
            let (said, nobody) = (of(&format!("{name} said")), of(&format!("{name} nobody")));
            let share = (nobody * 100).checked_div(said).unwrap_or(0);
            let _ = write!(table, " {} | {share} % |", of(&format!("{name} runs")));
        }
        table.push('\n');
    }
    table
}

/// The rows that were never told, in a batch in which each had its runs.
#[must_use]
pub fn untold(tally: &Tally) -> Vec<String> {
    let rows = LIES.iter().filter(|(row, _)| {
        let of = |name: &str| tally.of(&format!("row {row:02}: {name}"));
        of("runs") > 0 && of("told") == 0
    });
    rows.map(|(row, what)| format!("row {row}, {what}")).collect()
}
