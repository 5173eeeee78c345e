//! What a heartbeat says, and bringing it to its watcher: a few tries within one interval, and never longer.

use std::time::Duration;

use belay_domain::Timestamp;
use reqwest::{Client, redirect};
use serde::Serialize;
use uuid::Uuid;

use super::signing::Signer;
use crate::auditor::Pass;
use crate::surroundings::Wall;

/// How often one heartbeat is tried.
const TRIES: u32 = 3;

/// How long one try may take at most, and how long the connection of it.
const TRY_WITHIN: Duration = Duration::from_secs(10);

/// What a heartbeat says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Pulse {
    #[serde(rename = "type")]
    kind: &'static str,
    /// When it was made, by the wall clock.
    time: Timestamp,
    version: &'static str,
    /// The last event of the journal that the audit read.
    position: u64,
    /// For which moment the audit holds, by the supervisor's clock.
    audited_at: Timestamp,
    open: u64,
    covered: u64,
    pending: u64,
    uncovered: u64,
}

impl Pulse {
    pub(super) fn of(pass: &Pass, now: Timestamp) -> Self {
        Self {
            kind: "belay.heartbeat",
            time: now,
            version: env!("CARGO_PKG_VERSION"),
            position: pass.position,
            audited_at: pass.at,
            open: pass.open,
            covered: pass.covered,
            pending: pass.pending,
            uncovered: pass.uncovered,
        }
    }
}

/// Brings heartbeats to watchers, over one connection while that lasts.
#[derive(Default)]
pub(super) struct Sending {
    client: Option<Client>,
}

impl Sending {
    /// Sends one, again if it does not arrive, within the time in which the next one is due.
    pub(super) async fn send(
        &mut self,
        url: &str,
        pulse: &Pulse,
        signer: &Signer,
        wall: &Wall,
        every: Duration,
    ) -> Result<(), String> {
        let client = self.client()?;
        let body = serde_json::to_vec(pulse).map_err(|error| error.to_string())?;
        // A repeat has the same id, so that a watcher counts it once.
        let id = format!("msg_{}", Uuid::now_v7().simple());
        let one = (every / (TRIES + 1)).min(TRY_WITHIN);
        let mut last = String::new();
        for number in 0..TRIES {
            if number > 0 {
                tokio::time::sleep(jittered(one / 4)).await;
            }
            let second = wall().as_second();
            let sent = client
                .post(url)
                .timeout(one)
                .header("content-type", "application/json")
                .header("webhook-id", &id)
                .header("webhook-timestamp", second.to_string())
                .header("webhook-signature", signer.sign(&id, second, &body))
                .body(body.clone())
                .send()
                .await;
            last = match sent {
                Ok(answer) if answer.status().is_success() => return Ok(()),
                Ok(answer) => format!("the watcher answered {}", answer.status().as_u16()),
                // The URL of a watcher often is its secret.
                Err(error) => error.without_url().to_string(),
            };
        }
        Err(last)
    }

    fn client(&mut self) -> Result<Client, String> {
        if let Some(client) = &self.client {
            return Ok(client.clone());
        }
        let made = Client::builder()
            .redirect(redirect::Policy::none())
            .connect_timeout(TRY_WITHIN / 2)
            .timeout(TRY_WITHIN)
            .user_agent(concat!("belay/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| error.to_string())?;
        Ok(self.client.insert(made).clone())
    }
}

/// Between a half and the whole of it, so that many supervisors do not try at the same moments.
fn jittered(most: Duration) -> Duration {
    let mut random = [0];
    // Without randomness they do, which is no worse than slow.
    let _ = aws_lc_rs::rand::fill(&mut random);
    most / 2 + most / 2 * u32::from(random[0]) / 255
}
