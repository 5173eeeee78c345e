//! Agents by the real SDK, and what they do: mostly their work, and sometimes what agents do.

use std::path::Path;
use std::time::Duration;

use belay_agent::{
    ActionResult, Agent, Answer, Case, Done, Identity, Offer, Outcome, Permit, Specialist, To,
    Trouble,
};
use http::Method;
use jiff::Timestamp;
use serde_json::json;

use crate::books::{Silence, exchange};
use crate::dice::Dice;
use crate::net::{Road, endpoint, wall};
use crate::witness::{Holding, Witness};

/// How long the SDK bears it that work on a case shows no sign of life.
const PATIENCE: Duration = Duration::from_secs(3);

/// An agent as the playbook knows it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Who {
    pub(crate) name: &'static str,
    pub(crate) role: &'static str,
    /// By how much its clock differs.
    pub(crate) clock: fn() -> Timestamp,
}

/// Three who work.
pub(crate) const AGENTS: &[Who] = &[
    Who { name: "notes-1", role: "notes", clock: wall },
    Who { name: "notes-2", role: "notes", clock: ahead },
    Who { name: "credits-1", role: "credits", clock: behind },
];

fn ahead() -> Timestamp {
    wall() + Duration::from_millis(2_500)
}

fn behind() -> Timestamp {
    wall() - Duration::from_millis(2_500)
}

impl Who {
    /// Serves for as long as the host lives.
    pub(crate) async fn serve(self, identities: &Path, seed: u64, witness: Witness) {
        let _life = witness.lives(self.name);
        let identity = Identity::in_directory(identities, &format!("agents/{}", self.name));
        let counted = witness.clone();
        let road = Road(move || counted.line(self.name));
        let clerk = Clerk { who: self, seed, witness: witness.clone() };
        let agent = Agent::builder_over(road, endpoint(), identity)
            .role(self.role)
            .capacity(4)
            .patience(PATIENCE)
            .reply_within(Duration::from_secs(20))
            .settle_within(Duration::from_secs(60))
            .wall_clock(self.clock);
        let ended = agent.serve(clerk, std::future::pending()).await;
        witness.broken(format!("{} does not go on: {ended:?}", self.name));
        std::future::pending::<()>().await;
    }
}

struct Clerk {
    who: Who,
    seed: u64,
    witness: Witness,
}

impl Specialist for Clerk {
    async fn consider(&self, offer: &Offer) -> Answer {
        let about = offer.about();
        let turn = self.witness.turn(&format!("offer of {}", about.id));
        let mut dice = Dice::of(self.seed, &format!("offer {} {turn}", about.subject));
        if turn <= 2 {
            match dice.from(1, 10) {
                1 => return Answer::Decline("not today".to_owned()),
                // Longer than an offer stands.
                2 => tokio::time::sleep(Duration::from_secs(5)).await,
                _ => {}
            }
        }
        self.witness.accepts(self.who.name, &about.id);
        Answer::Accept
    }

    async fn work(&self, case: &mut Case) -> Result<Done, Trouble> {
        let id = case.about().id.clone();
        let holding = self.witness.holds(self.who.name, &id, case.epoch());
        let turn = self.witness.turn(&id);
        let mut dice = Dice::of(self.seed, &format!("work {} {turn}", case.about().subject));
        // Twice anything may happen; then the work is done.
        let mood = if turn <= 2 { dice.from(1, 12) } else { 12 };
        match mood {
            1 => {
                self.witness.happened("an agent fell silent");
                holding.falls_silent(PATIENCE);
                tokio::time::sleep(Duration::from_secs(20)).await;
                return Err(Trouble::new("I slept"));
            }
            2 => {
                self.witness.happened("an agent handed off");
                let done =
                    case.hand_off(To::Role(self.who.role.into()), "not mine", vec![]).await?;
                holding.keeps();
                return Ok(done);
            }
            3 => {
                self.witness.happened("an agent asked people");
                let done = case.escalate("somebody should look at this", None).await?;
                holding.keeps();
                return Ok(done);
            }
            4 => {
                self.witness.happened("an agent gave a case back");
                return Ok(case.release("not now").await?);
            }
            5 | 6 => {
                for step in 1..=dice.from(4, 12) {
                    tokio::time::sleep(Duration::from_secs(1)).await;
                    case.progress(&format!("step {step}"));
                }
            }
            7 | 8 => case.note("thought", format!("turn {turn}")).await?,
            _ => tokio::time::sleep(dice.millis(10, 1_500)).await,
        }
        self.act(case, &id, holding).await
    }
}

impl Clerk {
    /// Writes what the case is about, once, and resolves it when that is verified.
    async fn act(&self, case: &Case, id: &str, holding: Holding) -> Result<Done, Trouble> {
        let contract = if self.who.role == "notes" { "notes.add@1" } else { "credits.write@1" };
        // The same for everybody who ever works on the case: more than one is one too many.
        let input = json!({"customer": case.about().customer, "text": format!("about {id}")});
        let result = case.act(contract, input, |permit| self.write(permit)).await?;
        match result {
            ActionResult::Verified(_) => self.confirmed(id, "action_verified"),
            ActionResult::Duplicate { .. } => self.witness.happened("a write was recognised"),
            other => {
                drop(holding);
                return Err(Trouble::for_people(format!("{other:?}"), None));
            }
        }
        let done = case.resolve("noted", "it is there").await?;
        self.confirmed(id, "case_resolved");
        drop(holding);
        Ok(done)
    }

    async fn write(&self, permit: Permit) -> Outcome {
        let mut body = permit.input().clone();
        body["key"] = json!(permit.idempotency_key());
        match exchange(Method::POST, "/notes", Some(&body)).await {
            Ok((200..300, output)) => Outcome::executed(output),
            Ok((status, output)) => Outcome::failed(format!("{status}: {output}")),
            Err(Silence::NotSent(why)) => Outcome::failed_for_now(why),
            Err(Silence::Unknown(why)) => {
                self.witness.happened("an agent does not know what it wrote");
                Outcome::unknown(why)
            }
        }
    }

    /// The supervisor said that this is so.
    fn confirmed(&self, case: &str, event: &'static str) {
        self.witness.accounts().done.push((case.to_owned(), event));
    }
}
