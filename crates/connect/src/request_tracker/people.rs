//! Who is who: RT's history numbers people, everything else names them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use belay_domain::PersonId;
use tokio::time::Instant;

use super::{RequestTracker, record};
use crate::{QueueError, QueueErrorKind};

/// How long a name is remembered for a number. Whether an account may be used is never remembered.
const REMEMBERED_FOR: Duration = Duration::from_secs(300);

/// So many people are remembered; more than work on the queues of one instance.
const REMEMBERED_MAX: usize = 4_096;

/// An account, as far as it does not change from one look to the next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Account {
    pub(super) number: Option<String>,
    pub(super) name: PersonId,
    /// Whether it is an account for staff rather than for a customer.
    pub(super) privileged: bool,
}

/// The accounts that were looked up lately, by name and by number.
#[derive(Debug, Default)]
pub(super) struct People(Mutex<HashMap<String, (Arc<Account>, Instant)>>);

impl RequestTracker {
    /// An account by its name or number, percent-encoded. None if there is no such account.
    pub(super) async fn user(&self, key: &str) -> Result<Option<Arc<Account>>, QueueError> {
        if let Some(account) = self.people.recall(key) {
            return Ok(Some(account));
        }
        let Some((user, _)) = self.get::<record::User>(&format!("/user/{key}"), &[]).await? else {
            return Ok(None);
        };
        let account = Arc::new(account(&user)?);
        self.people.remember(key, &account);
        Ok(Some(account))
    }

    /// Whether an account may be used, if RT lets us see that.
    pub(super) async fn enabled(&self, name: &str) -> Result<Option<bool>, QueueError> {
        let path = format!("/user/{}", record::segment(name));
        let user = self.get::<record::User>(&path, &[]).await?;
        Ok(user.and_then(|(user, _)| user.disabled).map(|disabled| disabled == "0"))
    }
}

fn account(user: &record::User) -> Result<Account, QueueError> {
    let name = record::id(&user.name).ok_or_else(|| {
        let detail = format!("the name of the account {:?} cannot be used as an id", user.name);
        QueueError::new(QueueErrorKind::NotUnderstood, detail)
    })?;
    let own = user.links.iter().find(|link| link.reference.as_deref() == Some("self"));
    Ok(Account {
        number: own.and_then(|link| link.id.clone()),
        name,
        privileged: user.privileged.as_deref() == Some("1"),
    })
}

impl People {
    fn recall(&self, key: &str) -> Option<Arc<Account>> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (account, since) = known.get(key)?;
        (since.elapsed() < REMEMBERED_FOR).then(|| Arc::clone(account))
    }

    fn remember(&self, key: &str, account: &Arc<Account>) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= REMEMBERED_MAX {
            known.retain(|_, (_, since)| since.elapsed() < REMEMBERED_FOR);
        }
        if known.len() < REMEMBERED_MAX {
            let now = Instant::now();
            known.insert(key.to_owned(), (Arc::clone(account), now));
        }
    }
}
