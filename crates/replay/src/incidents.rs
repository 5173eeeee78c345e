//! Real incidents, as schedules of deeds: what people of an IT company did to 445 incidents in 2016.
//!
//! From the "Incident management process enriched event log" (Amaral, Fantinato, Peres; UCI Machine Learning
//! Repository, CC BY 4.0): one row for each update of an incident in the audit log of a ServiceNow instance. `?` is
//! empty, a moment is `dd-mm-yyyy HH:MM` without a zone and is taken as UTC. The data is not part of this repository.
//!
//! Names are masked for each column by itself: whoever updates is `Updated by 307`, whoever is assigned is
//! `Resolver 78`. Who is who is inferred, see [`Incidents::load`]; what cannot be told apart is taken for two people,
//! so that an assignment by oneself may look like one by somebody else, and never the other way round for want of
//! evidence.

mod row;
mod who;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use jiff::{SignedDuration, Timestamp};

use crate::deed::{Deed, Edit, Script};
use crate::office::Office;
use crate::people::{Person, Queue};
use crate::ticket::Status;
pub use row::Row;
use who::Who;

/// The variable that names the file.
const VARIABLE: &str = "BELAY_SERVICENOW_INCIDENTS";

/// Where an incident is that was never given to a group. There are three of them.
const NO_GROUP: &str = "no group";

/// What changed is not among the columns of the data.
const UNSEEN: &str = "changed something that is not in the data";

/// All incidents, and who worked on them.
#[derive(Clone, Debug)]
pub struct Incidents {
    /// In the order of the file.
    pub incidents: Vec<Incident>,
    who: Who,
}

/// One incident.
#[derive(Clone, Debug)]
pub struct Incident {
    /// Its number in the data.
    pub number: String,
    /// When the caller turned to the service desk.
    pub opened: Timestamp,
    /// The group that it was given to first; the queue in which a ticket for it is wanted.
    pub queue: String,
    /// From 1, critical, to 4, low.
    pub priority: u8,
    /// What the data says of it, the oldest first.
    pub rows: Vec<Row>,
    /// What was done to it, counted from `opened`.
    pub steps: Vec<Step>,
}

/// Something that was done to an incident.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// How long after it was opened.
    pub after: SignedDuration,
    /// What.
    pub deed: Deed,
}

/// Why incidents could not be read.
#[derive(Debug, thiserror::Error)]
pub enum IncidentsError {
    /// The file cannot be read as a table.
    #[error("the file of incidents cannot be read")]
    File(#[from] csv::Error),
    /// A row is not as it should be.
    #[error("line {line}: {column} is {value:?}")]
    Row {
        /// Where.
        line: u64,
        /// In which column.
        column: &'static str,
        /// What stands there.
        value: String,
    },
}

impl Incidents {
    /// Where the data is, if it is there. Says so on standard error if it is not, as a test that is skipped quietly
    /// is taken for one that passed.
    #[must_use]
    pub fn find() -> Option<PathBuf> {
        let beside = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../../../shared/data/servicenow-incidents/incidents.csv");
        let path = std::env::var_os(VARIABLE).map_or(beside, PathBuf::from);
        if path.is_file() {
            return Some(path);
        }
        eprintln!("SKIPPED: there are no incidents at {}; set {VARIABLE}", path.display());
        None
    }

    /// Reads the data. Whoever updates incidents and whoever is assigned to them are taken for one person if each is
    /// the one that the other is seen with most, where a resolution counts ten times; whoever makes nine of ten
    /// closings is taken for a rule.
    pub fn load(path: &Path) -> Result<Self, IncidentsError> {
        let mut rows: BTreeMap<String, Vec<Row>> = BTreeMap::new();
        let mut order = Vec::new();
        let mut reader = csv::Reader::from_path(path)?;
        let headers = reader.headers()?.clone();
        for record in reader.records() {
            let (number, row) = Row::read(&headers, &record?)?;
            let known = rows.entry(number.clone()).or_default();
            if known.is_empty() {
                order.push(number);
            }
            known.push(row);
        }
        let who = Who::infer(rows.values().map(Vec::as_slice));
        let incident = |number: String| {
            let rows = rows.remove(&number)?;
            Incident::new(number, rows, &who)
        };
        Ok(Self { incidents: order.into_iter().filter_map(incident).collect(), who })
    }

    /// Makes an office in which these incidents can happen: the groups, with everybody who is ever assigned to one of
    /// their incidents, and everybody else who updates incidents, as a member of no group.
    pub fn staff(&self, office: &Office) {
        let mut groups: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
        let mut people = BTreeSet::new();
        for (incident, row) in self.incidents.iter().flat_map(Incident::each) {
            people.insert(self.who.updater(&row.by));
            people.extend(row.assignee.as_deref().map(who::login));
            let group = row.group.as_deref().unwrap_or(&incident.queue);
            let group = groups.entry(group).or_default();
            group.extend(row.assignee.as_deref().map(who::login));
        }
        for name in people {
            let rule = self.who.is_rule(&name);
            office.join(if rule { Person::machine(&name) } else { Person::human(&name) });
        }
        for (group, members) in groups {
            let members: Vec<_> = members.iter().map(String::as_str).collect();
            office.open_queue(Queue::new(group, &members));
        }
    }

    /// How many of those who were ever assigned are known to be the same as somebody who updates.
    #[must_use]
    pub fn recognised(&self) -> usize {
        self.who.recognised()
    }
}

impl Incident {
    /// None without rows.
    fn new(number: String, rows: Vec<Row>, who: &Who) -> Option<Self> {
        let first = rows.first()?;
        let (opened, priority) = (first.opened, first.priority);
        let queue = rows.iter().find_map(|row| row.group.clone());
        let queue = queue.unwrap_or_else(|| NO_GROUP.to_owned());
        let mut steps = Vec::with_capacity(rows.len());
        // A ticket that asks for help is new, unassigned, and in the queue in which it is wanted.
        let (mut status, mut holder, mut group) = (Status::New, None, queue.clone());
        for row in &rows {
            let mut edit = Edit::default();
            let now = row.group.clone().unwrap_or_else(|| group.clone());
            if now != group {
                group.clone_from(&now);
                edit.queue = Some(now);
            }
            let now = row.assignee.as_deref().map(who::login);
            if now != holder {
                holder.clone_from(&now);
                edit.holder = Some(now);
            }
            let now = row.status();
            if now != status {
                if status.is_open() && !now.is_open() {
                    edit.code = Some(row.code.clone());
                }
                status = now.clone();
                edit.status = Some(now);
            }
            if edit == Edit::default() {
                // The first row is the opening itself.
                if steps.is_empty() && row.updates == 0 {
                    continue;
                }
                edit.comments.push((false, UNSEEN.to_owned()));
            }
            let after = row.at.duration_since(opened).max(SignedDuration::ZERO);
            steps.push(Step { after, deed: Deed::Edit { by: who.updater(&row.by), edit } });
        }
        Some(Self { number, opened, queue, priority, rows, steps })
    }

    fn each(&self) -> impl Iterator<Item = (&Self, &Row)> {
        self.rows.iter().map(move |row| (self, row))
    }

    /// What happens to a ticket that stands for this incident.
    #[must_use]
    pub fn script(&self) -> Script {
        let steps = self.steps.iter().cloned();
        steps.fold(Script::new(), |script, step| script.after(step.after, step.deed))
    }

    /// How long it was between the opening and the last update.
    #[must_use]
    pub fn length(&self) -> SignedDuration {
        self.steps.last().map_or(SignedDuration::ZERO, |step| step.after)
    }
}
