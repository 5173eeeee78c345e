//! The specialists: programs of fixed steps in the place of models, joined through the same SDK as any agent.
//!
//! What is to be done on a case is written in its script. Each specialist does the steps that are its work, in their
//! order, hands the case to the one whose work comes next, and keeps nothing: where a case stands is in the shared book,
//! so that a case can be taken up again by anybody.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use belay_agent::{Case, Done, NewEntry, Outcome, Permit, Source, Specialist, Trouble};
use reqwest::{Client, Url};
use serde_json::{Map, Value};
use tokio::sync::Notify;

use super::script::{Attempt, Ending, Move, Script};
use super::shop::{act, in_world, write_in_world};
use super::task::{Proof, Read, Tool};
use super::terms::{self, Role};

/// The label that names a case's script.
pub(crate) const LABEL: &str = "world";

/// How often a case is taken up again before its script counts as broken.
const TROUBLES_MAX: usize = 3;

/// All scripts, and how far each has been played.
#[derive(Debug, Default)]
pub(crate) struct Book(BTreeMap<String, Page>);

/// One script, and how far it has been played.
#[derive(Debug)]
pub(crate) struct Page {
    /// The script.
    pub(crate) script: Script,
    /// Tells whoever waits that the specialists are done with it.
    pub(crate) done: Notify,
    progress: Mutex<Progress>,
}

#[derive(Debug, Default)]
struct Progress {
    place: usize,
    troubles: Vec<String>,
}

/// One specialist.
#[derive(Debug)]
pub(crate) struct Player {
    /// What it is there for.
    pub(crate) role: Role,
    /// What is played.
    pub(crate) book: Arc<Book>,
    /// Its way to the shop.
    pub(crate) counter: Counter,
}

/// The way to the shop.
#[derive(Clone, Debug)]
pub(crate) struct Counter {
    /// Where it is.
    pub(crate) url: Url,
    /// What it is asked through.
    pub(crate) http: Client,
}

impl Book {
    /// A book of these scripts.
    pub(crate) fn new(scripts: Vec<Script>) -> Self {
        let page = |script: Script| {
            let world = script.world.clone();
            (world, Page { script, done: Notify::new(), progress: Mutex::default() })
        };
        Self(scripts.into_iter().map(page).collect())
    }

    /// The script of a world, and how far it has been played.
    pub(crate) fn page(&self, world: &str) -> Option<&Page> {
        self.0.get(world)
    }

    /// All of them.
    pub(crate) fn pages(&self) -> impl Iterator<Item = &Page> {
        self.0.values()
    }
}

impl Page {
    /// What went wrong in playing it.
    pub(crate) fn troubles(&self) -> Vec<String> {
        self.progress().troubles.clone()
    }

    fn progress(&self) -> MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The place that comes next.
    fn place(&self) -> usize {
        self.progress().place
    }

    /// A place has been played, well or not.
    fn played(&self, place: usize) {
        self.progress().place = place + 1;
    }

    /// Takes note of a trouble at a place. After a few of them the play goes on without it.
    fn trouble(&self, place: usize, trouble: &Trouble) {
        let mut progress = self.progress();
        let prefix = format!("step {place}: ");
        progress.troubles.push(format!("{prefix}{}", trouble.reason()));
        let here = progress.troubles.iter().filter(|one| one.starts_with(&prefix)).count();
        if here >= TROUBLES_MAX {
            progress.place = place + 1;
        }
    }
}

impl Specialist for Player {
    async fn work(&self, case: &mut Case) -> Result<Done, Trouble> {
        let world = case.about().labels.get(LABEL).cloned().unwrap_or_default();
        let Some(page) = self.book.page(&world) else {
            return Ok(case.release("this case is not one of the shop's").await?);
        };
        loop {
            let place = page.place();
            let Some(step) = page.script.moves.get(place) else { break };
            let played = match step {
                Move::Read(read) => self.read(case, page, read).await,
                Move::Propose(attempt) if attempt.by != self.role => {
                    let reason = format!("what comes next is the work of {}", attempt.by.name());
                    return Ok(case.hand_off(attempt.by.name(), &reason, Vec::new()).await?);
                }
                Move::Propose(attempt) => self.propose(case, page, place, attempt).await,
            };
            match played {
                Ok(()) => page.played(place),
                Err(trouble) => {
                    page.trouble(place, &trouble);
                    return Err(trouble);
                }
            }
        }
        let done = match &page.script.ending {
            Ending::Resolved(code) => case.resolve(code, "everything is done").await?,
            Ending::People(reason) => case.escalate(reason, None).await?,
        };
        page.done.notify_one();
        Ok(done)
    }
}

impl Player {
    /// Looks something up and adds what the shop shows to what is known.
    async fn read(&self, case: &Case, page: &Page, read: &Read) -> Result<(), Trouble> {
        let (url, found) = self.counter.read(&page.script.world, read).await?;
        let body = found.map_or_else(|| "there is none".to_owned(), |found| found.to_string());
        let fact = NewEntry::new("fact", body).from(Source::SystemOfRecord, url.path());
        Ok(case.add(vec![fact]).await?)
    }

    /// Proposes a write, and carries it out if it is allowed. What became of it is in the journal.
    async fn propose(
        &self,
        case: &Case,
        page: &Page,
        place: usize,
        attempt: &Attempt,
    ) -> Result<(), Trouble> {
        let world = &page.script.world;
        let customer = in_world(world, &page.script.customer);
        let mut statement = attempt.statement.clone();
        statement.user = statement.user.map(|user| in_world(world, &user));
        let write = write_in_world(world, &attempt.write);
        let (input, said) = terms::input(&write, &customer, &statement);
        let mut proposal = case.propose(attempt.contract, input).id(step_id(place));
        for (pointer, source, reference) in said {
            proposal = proposal.provenance(pointer, source, reference);
        }
        proposal.act(|permit| self.counter.write(permit)).await?;
        Ok(())
    }
}

impl Counter {
    /// Looks something up. `None` when there is no such thing.
    pub(crate) async fn read(
        &self,
        world: &str,
        read: &Read,
    ) -> Result<(Url, Option<Value>), reqwest::Error> {
        let url = match read {
            Read::Order(id) => self.at(&["orders", &in_world(world, id)]),
            Read::User(id) => self.at(&["users", &in_world(world, id)]),
            Read::Product(id) => self.at(&["products", &in_world(world, id)]),
            Read::Products => self.at(&["products", &in_world(world, "")]),
            Read::Find(proof) => {
                let mut url = self.at(&["users"]);
                let mut query = url.query_pairs_mut();
                query.append_pair("world", world);
                match proof {
                    Proof::Email(email) => query.append_pair("email", email),
                    Proof::NameAndZip { first, last, zip } => query
                        .append_pair("first_name", first)
                        .append_pair("last_name", last)
                        .append_pair("zip", zip),
                };
                drop(query);
                url
            }
        };
        let answer = self.http.get(url.clone()).send().await?;
        if answer.status() == reqwest::StatusCode::NOT_FOUND {
            return Ok((url, None));
        }
        let found = answer.error_for_status()?.json().await?;
        Ok((url, Some(found)))
    }

    /// Writes what a permit allows: exactly that, and once.
    async fn write(&self, permit: Permit) -> Outcome {
        let contract = permit.contract();
        let Some(tool) = Tool::ALL.into_iter().find(|tool| terms::contract(*tool) == contract)
        else {
            return Outcome::failed(format!("the shop knows nothing like {contract}"));
        };
        let mut body: Map<String, Value> = permit.input().as_object().cloned().unwrap_or_default();
        body.remove("confirmed");
        let user = body.remove("user_id");
        let order = body.remove("order_id");
        let (room, id) = match tool {
            Tool::UserAddress => ("users", user),
            _ => ("orders", order),
        };
        let id = id.as_ref().and_then(Value::as_str).unwrap_or_default();
        let request = self
            .http
            .post(self.at(&[room, id, act(tool)]))
            .header("Idempotency-Key", permit.idempotency_key())
            .json(&body);
        let answer = match request.send().await {
            Ok(answer) => answer,
            Err(error) => return Outcome::unknown(error.to_string()),
        };
        let status = answer.status();
        if !status.is_success() {
            return Outcome::failed(format!("the shop answered {status}"));
        }
        match answer.json().await {
            Ok(record) => Outcome::executed(record),
            Err(error) => Outcome::unknown(error.to_string()),
        }
    }

    fn at(&self, path: &[&str]) -> Url {
        let mut url = self.url.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.clear().extend(path);
        }
        url
    }
}

/// The id of a proposal: the step of the script, so that a step that is played again is the same proposal.
pub(crate) fn step_id(place: usize) -> String {
    format!("step-{place}")
}
