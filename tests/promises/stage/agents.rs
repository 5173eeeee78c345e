//! Agents that join through the SDK, each with a few lines of what it does.

use std::pin::Pin;
use std::sync::{Arc, Mutex};

use belay_agent::{
    ActionResult, Agent, AgentBuilder, Case, Done, ServeError, Source, Specialist, Trouble,
};
use serde_json::{Value, json};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use super::company::Company;
use super::{Stage, within};

/// An agent that serves until it is told to stop, or dies.
pub(crate) struct Serving {
    stop: Option<oneshot::Sender<()>>,
    task: JoinHandle<Result<(), ServeError>>,
}

/// What an agent's work comes to.
pub(crate) type Work<'a> = Pin<Box<dyn Future<Output = Result<Done, Trouble>> + Send + 'a>>;

/// What an agent does with a case.
struct Script<F>(F);

impl<F> Specialist for Script<F>
where
    F: for<'a> Fn(&'a mut Case) -> Work<'a> + Send + Sync + 'static,
{
    async fn work(&self, case: &mut Case) -> Result<Done, Trouble> {
        (self.0)(case).await
    }
}

impl Serving {
    /// Ends it as SIGKILL does: it says nothing, and its connection is cut.
    pub(crate) async fn kill(mut self) {
        self.task.abort();
        let _ = (&mut self.task).await;
    }

    /// Lets it stop in order.
    pub(crate) async fn stop(mut self) -> Result<(), ServeError> {
        let _ = self.stop.take().unwrap().send(());
        within("the agent to stop", &mut self.task).await.unwrap()
    }

    /// Waits until it ends by itself.
    pub(crate) async fn ended(mut self) -> Result<(), ServeError> {
        within("the agent to end", &mut self.task).await.unwrap()
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// A write as an agent proposes it, with how every value is known.
#[derive(Clone, Debug)]
pub(crate) struct Wish {
    pub(crate) contract: &'static str,
    pub(crate) input: Value,
    pub(crate) source: Source,
}

impl Wish {
    pub(crate) fn new(contract: &'static str, input: Value) -> Self {
        Self { contract, input, source: Source::SystemOfRecord }
    }

    /// Giving this much back on a charge of the usual customer.
    pub(crate) fn refund(charge: &str, minor: u64) -> Self {
        let input = json!({
            "customer_id": "c-1", "charge_id": charge, "amount_minor": minor, "currency": "USD",
            "reason": "duplicate-charge",
        });
        Self::new("billing.refund@1", input)
    }

    /// A note about the usual customer.
    pub(crate) fn note(text: &str) -> Self {
        Self::new("crm.add_note@1", json!({"customer_id": "c-1", "text": text}))
    }

    /// A credit note for the usual customer, which the supervisor writes itself.
    pub(crate) fn credit(minor: u64) -> Self {
        let input = json!({
            "customer_id": "c-1", "amount_minor": minor, "currency": "USD", "reason": "goodwill",
        });
        Self::new("erp.credit_note@1", input)
    }

    /// Proposes it and carries it out if it is allowed.
    pub(crate) async fn act(
        &self,
        case: &Case,
        company: &Company,
        plan: &str,
    ) -> Result<ActionResult, belay_agent::CallError> {
        let write = |permit| {
            let company = company.clone();
            async move { company.carry_out(permit).await }
        };
        let proposal = case.propose(self.contract, self.input.clone());
        proposal.provenance("", self.source, "record").plan(plan).act(write).await
    }
}

impl Stage {
    /// An agent that does this with every case, and starts now.
    pub(crate) fn agent<F>(&self, name: &str, script: F) -> Serving
    where
        F: for<'a> Fn(&'a mut Case) -> Work<'a> + Send + Sync + 'static,
    {
        self.agent_with(name, |builder| builder.capacity(8), script)
    }

    /// The same, with more to say about the agent.
    pub(crate) fn agent_with<F>(
        &self,
        name: &str,
        change: impl FnOnce(AgentBuilder) -> AgentBuilder,
        script: F,
    ) -> Serving
    where
        F: for<'a> Fn(&'a mut Case) -> Work<'a> + Send + Sync + 'static,
    {
        let identity = self.authority().agent(name).unwrap();
        let builder = change(Agent::builder(self.endpoint(), identity));
        let (stop, told) = oneshot::channel::<()>();
        let stopped = async {
            // Dropping the sender is no wish to stop.
            if told.await.is_err() {
                std::future::pending::<()>().await;
            }
        };
        let task = tokio::spawn(async move { builder.serve(Script(script), stopped).await });
        Serving { stop: Some(stop), task }
    }

    /// An agent that asks for these writes on every case, one after the other, says what became of each, and then
    /// resolves the case if all of them are verified; otherwise it keeps it.
    pub(crate) fn agent_wishing(
        &self,
        name: &str,
        wishes: Vec<Wish>,
    ) -> (Serving, mpsc::UnboundedReceiver<ActionResult>) {
        let (say, hear) = mpsc::unbounded_channel();
        let company = self.company.clone();
        let serving = self.agent(name, move |case| {
            let (wishes, say, company) = (wishes.clone(), say.clone(), company.clone());
            Box::pin(async move {
                let mut good = true;
                for wish in wishes {
                    let result = wish.act(case, &company, "").await?;
                    good &= matches!(result, ActionResult::Verified(_));
                    let _ = say.send(result);
                }
                if !good {
                    std::future::pending::<()>().await;
                }
                Ok(case.resolve("resolved", "done").await?)
            })
        });
        (serving, hear)
    }

    /// An agent that takes every case and keeps it, and tells which it took.
    pub(crate) fn agent_keeping(
        &self,
        name: &str,
    ) -> (Serving, mpsc::UnboundedReceiver<(String, u64)>) {
        let (say, hear) = mpsc::unbounded_channel();
        let serving = self.agent(name, move |case| {
            let _ = say.send((case.about().id.clone(), case.epoch()));
            Box::pin(std::future::pending())
        });
        (serving, hear)
    }
}

/// Hears the next thing an agent says.
pub(crate) async fn hear<T>(what: &str, from: &mut mpsc::UnboundedReceiver<T>) -> T {
    within(what, from.recv()).await.unwrap_or_else(|| panic!("nobody says {what} any more"))
}

/// A place for what several hands write down.
pub(crate) type Notebook<T> = Arc<Mutex<Vec<T>>>;
