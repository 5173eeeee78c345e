//! A first agent: notes down what a case is about, and resolves it. `docs/first-agent.md` takes you through it.
//!
//! ```text
//! cargo run -p belay-agent --example first_agent
//! ```

use std::path::Path;

use belay_agent::{Agent, Case, Done, Identity, Outcome, Permit, ServeError, Specialist, Trouble};
use serde_json::json;

/// Knows the notes, and where they are kept.
pub(crate) struct Notes {
    pub(crate) url: String,
}

impl Specialist for Notes {
    async fn work(&self, case: &mut Case) -> Result<Done, Trouble> {
        println!("{}: {}", case.about().id, case.about().subject);
        think().await;
        let note = json!({ "customer": case.about().customer, "text": case.about().subject });
        let result = case.act("notes.add@1", note, |permit| self.write(permit)).await?;
        // What Belay did not see with its own eyes is for people.
        let report = result.verified().map_err(|why| Trouble::for_people(why, None))?;
        Ok(case.resolve("noted", &format!("by {}", report.id)).await?)
    }
}

impl Notes {
    /// Writes exactly what the permit says. Called only with a permit that was checked, and once.
    async fn write(&self, permit: Permit) -> Outcome {
        let mut note = permit.input().clone();
        note["key"] = permit.idempotency_key().into();
        let sent = reqwest::Client::new().post(&self.url).json(&note).send().await;
        match sent.and_then(|answer| answer.error_for_status()) {
            Ok(answer) => Outcome::executed(json!({ "status": answer.status().as_u16() })),
            // It may have arrived all the same. Belay looks.
            Err(error) => Outcome::unknown(error.to_string()),
        }
    }
}

#[tokio::main]
async fn main() -> Result<(), ServeError> {
    println!("my-first-agent is process {}", std::process::id());
    let identity = Identity::in_directory(Path::new(".belay/identity"), "agents/my-first-agent");
    let notes = Notes { url: "http://127.0.0.1:7400/notes".to_owned() };
    let stop = async { drop(tokio::signal::ctrl_c().await) };
    Agent::builder("https://localhost:7443", identity).capacity(8).serve(notes, stop).await
}

/// Where a model would be asked. `THINK_SECONDS` makes it take its time.
async fn think() {
    let seconds = std::env::var("THINK_SECONDS").ok().and_then(|text| text.parse().ok());
    tokio::time::sleep(std::time::Duration::from_secs(seconds.unwrap_or(0))).await;
}
