//! Whether the engine answers at all: every shard is asked for a case that there is not.

use std::time::Duration;

use tokio::sync::oneshot;

use super::{Engine, Message};

/// A case that there is not. The ids of cases begin otherwise.
const NOBODY: &str = "nobody-asks-for-this";

impl Engine {
    /// Whether every shard answers a question within this time. A shard that is full does not.
    pub(crate) async fn answers(&self, within: Duration) -> bool {
        let Ok(nobody) = NOBODY.parse::<belay_domain::CaseId>() else { return false };
        let asking = async {
            for shard in &self.inner.shards {
                let (reply, answer) = oneshot::channel();
                let look = Message::Look { case: nobody.clone(), reply };
                if shard.try_send(look).is_err() || answer.await.is_err() {
                    return false;
                }
            }
            true
        };
        tokio::time::timeout(within, asking).await.unwrap_or(false)
    }
}
