//! A queue of RT's: whether it takes tickets, who watches it, and who of them may take one.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

use belay_domain::{ActorKind, PersonId, QueueFacts, QueueId, StaffMember};
use futures_util::future::try_join_all;
use reqwest::Method;

use super::record::{Group, Owner, Queue, Reference};
use super::{Asked, RequestTracker, queue_path, record, success};
use crate::{QueueError, QueueErrorKind};

/// Groups within groups are followed so deep; deeper ones are a mistake or a loop.
const GROUP_DEPTH_MAX: usize = 5;

/// The most people that may own tickets of one queue. RT is asked for so many; if it names so many there may
/// be more, and who is left out counts as one who may not.
const OWNERS_MAX: &str = "2000";

/// A queue with what its tickets are understood by.
#[derive(Debug)]
pub(super) struct Looked {
    pub(super) number: String,
    pub(super) lifecycle: String,
    pub(super) facts: QueueFacts,
    pub(super) fields: BTreeSet<String>,
}

/// Under which names queues were asked for, by their numbers: by their names in whatever case, or by their numbers.
#[derive(Debug, Default)]
pub(super) struct QueueNames(Mutex<BTreeMap<String, BTreeSet<QueueId>>>);

impl QueueNames {
    fn learn(&self, number: &str, asked: &QueueId) {
        let mut names = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !names.get(number).is_some_and(|known| known.contains(asked)) {
            names.entry(number.to_owned()).or_default().insert(asked.clone());
        }
    }

    /// A queue as it is asked for; by its own name if it never was. None if it is asked for under several names.
    pub(super) fn of(&self, queue: &Reference) -> Option<QueueId> {
        let names = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match names.get(&queue.id) {
            Some(known) if known.len() > 1 => None,
            Some(known) => known.first().cloned(),
            None => queue.name.as_deref().and_then(record::id),
        }
    }
}

impl RequestTracker {
    /// Reads a queue with its staff.
    pub(super) async fn look_at_queue(&self, id: &QueueId) -> Result<Looked, QueueError> {
        let queue = self.queue_record(&queue_path(id)).await?;
        self.names.learn(&queue.id, id);
        let (names, owners) =
            futures_util::future::try_join(self.watchers(queue.admin_cc), self.owners(&queue.id))
                .await?;
        let staff = names.iter().map(|name| self.member(name, &owners));
        let staff = try_join_all(staff).await?.into_iter().flatten().collect();
        // Only what says that it is enabled is.
        let enabled = queue.disabled.as_deref() == Some("0");
        Ok(Looked {
            number: queue.id,
            lifecycle: queue.lifecycle,
            facts: QueueFacts { queue: id.clone(), enabled, staff },
            fields: queue.ticket_custom_fields.into_iter().filter_map(|field| field.name).collect(),
        })
    }

    /// Another queue's id and lifecycle, for a ticket that is not where we want it.
    pub(super) async fn other_queue(&self, number: &str) -> Result<(QueueId, String), QueueError> {
        let path = format!("/queue/{}", record::segment(number));
        let queue = self.queue_record(&path).await?;
        let id = record::id(&queue.name).ok_or_else(|| {
            let detail = format!("the queue's name {:?} cannot be used as an id", queue.name);
            QueueError::new(QueueErrorKind::NotUnderstood, detail)
        })?;
        Ok((id, queue.lifecycle))
    }

    async fn queue_record(&self, path: &str) -> Result<Queue, QueueError> {
        let found = self.get::<Queue>(path, &[]).await.map_err(|mut error| {
            if error.kind == QueueErrorKind::Refused {
                // RT answers the same for a queue that is not there.
                error.detail = format!("no such queue, or no right to see it ({})", error.detail);
            }
            error
        })?;
        let missing = || QueueError::new(QueueErrorKind::Refused, "there is no such queue");
        found.map(|(queue, _)| queue).ok_or_else(missing)
    }

    /// The people among those who watch a queue, groups opened.
    async fn watchers(&self, watching: Vec<Reference>) -> Result<BTreeSet<String>, QueueError> {
        let (mut people, mut seen) = (BTreeSet::new(), BTreeSet::new());
        let mut open = watching;
        for _ in 0..GROUP_DEPTH_MAX {
            let (groups, users): (Vec<_>, Vec<_>) =
                open.into_iter().partition(|who| who.kind.as_deref() == Some("group"));
            people.extend(users.into_iter().map(|user| user.id));
            let new: Vec<_> =
                groups.into_iter().filter(|group| seen.insert(group.id.clone())).collect();
            if new.is_empty() {
                return Ok(people);
            }
            open = try_join_all(new.iter().map(|group| self.members(&group.id)))
                .await?
                .into_iter()
                .flatten()
                .collect();
        }
        let detail = format!("groups are nested more than {GROUP_DEPTH_MAX} deep");
        Err(QueueError::new(QueueErrorKind::NotUnderstood, detail))
    }

    async fn members(&self, group: &str) -> Result<Vec<Reference>, QueueError> {
        let path = format!("/group/{}", record::segment(group));
        let Some((group, _)) = self.get::<Group>(&path, &[]).await? else {
            return Ok(Vec::new());
        };
        if group.disabled.as_deref() == Some("1") {
            return Ok(Vec::new());
        }
        group.members.ok_or_else(|| {
            let detail = "the members of a queue's group are not shown; the account needs SeeGroup";
            QueueError::new(QueueErrorKind::Refused, detail)
        })
    }

    /// Who may own tickets of a queue. RT leaves disabled accounts out here, and only here.
    async fn owners(&self, queue: &str) -> Result<BTreeSet<String>, QueueError> {
        let limit = format!("RT::Queue-{queue}");
        let query = [("limit", limit.as_str()), ("max", OWNERS_MAX), ("term", "")];
        let request = self.web.request(Method::GET, "/Helpers/Autocomplete/Owners", &query);
        let answer = success(self.send(&self.web, request, Asked::Read).await?, Asked::Read)?;
        let owners: Vec<Owner> = serde_json::from_slice(&answer.body).map_err(|_| {
            let detail = "who may own tickets is not shown; the account needs access to RT's pages";
            QueueError::new(QueueErrorKind::NotUnderstood, detail)
        })?;
        Ok(owners.into_iter().map(|owner| owner.value).collect())
    }

    /// One who watches a queue. None if the name cannot be an id: such a one can never be recognised.
    async fn member(
        &self,
        name: &str,
        owners: &BTreeSet<String>,
    ) -> Result<Option<StaffMember>, QueueError> {
        let Some(id) = record::id::<PersonId>(name) else { return Ok(None) };
        let may_take = owners.contains(name);
        // One who is not among the owners is disabled or has no right. Which of the two, RT may not let us
        // see; what is not seen to be enabled is not.
        let enabled = may_take || self.enabled(id.as_str()).await?.unwrap_or(false);
        let kind = self.config.known_kind(&id).unwrap_or(ActorKind::Person);
        Ok(Some(StaffMember { name: id, kind, enabled, may_take, on_shift: None }))
    }
}
