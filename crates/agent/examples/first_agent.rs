//! A first agent: takes cases of the role `crm`, leaves a note on the customer's record, and resolves them.
//!
//! ```text
//! cargo run -p belay-agent --example first_agent -- https://localhost:7443 DIRECTORY_OF_THE_CA
//! ```

use std::path::PathBuf;

use belay_agent::{
    Agent, Case, Done, Identity, Outcome, Permit, ServeError, Source, Specialist, Trouble,
};
use serde_json::json;

/// Knows the customer records.
pub(crate) struct Crm;

impl Specialist for Crm {
    async fn work(&self, case: &mut Case) -> Result<Done, Trouble> {
        let about = case.about();
        let note = json!({ "customer": about.customer, "text": about.subject });
        case.propose("crm.add_note@1", note)
            .provenance("/customer", Source::SystemOfRecord, about.id.clone())
            .act(add_note)
            .await?
            .verified()?;
        Ok(case.resolve("answered", "the note is on the record").await?)
    }
}

/// Writes to the outside system: exactly what the permit says, and once.
async fn add_note(permit: Permit) -> Outcome {
    println!("note for {}: {}", permit.input()["customer"], permit.input()["text"]);
    Outcome::executed(json!({ "note": permit.idempotency_key() }))
}

#[tokio::main]
async fn main() -> Result<(), ServeError> {
    let mut arguments = std::env::args().skip(1);
    let endpoint = arguments.next().unwrap_or_else(|| "https://localhost:7443".to_owned());
    let directory = PathBuf::from(arguments.next().unwrap_or_else(|| "belay-data/ca".to_owned()));
    let stop = async { drop(tokio::signal::ctrl_c().await) };
    let identity = Identity::in_directory(&directory, "agents/crm");
    Agent::builder(endpoint, identity).role("crm").capacity(8).serve(Crm, stop).await
}
