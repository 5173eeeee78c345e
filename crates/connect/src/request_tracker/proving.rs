//! What can be shown about a queue of RT's before anybody depends on it, without changing anything there.
//!
//! RT tells an account what it may do by the links on what it shows: a queue has one to create tickets, a ticket has
//! those to comment, to reply, and to change its state. Who may own tickets and which states there are stand on the
//! pages for people only.

use std::collections::BTreeSet;

use belay_domain::QueueId;
use reqwest::Method;

use super::record::{self, Hit, Items, Link, Offered, Owner, Queue, field};
use super::{Asked, RequestTracker, queue_path, success};
use crate::human_queue::inspected;
use crate::{Finding, QueueError, QueueErrorKind, RouteCheck, Verdict};

/// The page for people on which every state of every lifecycle can be chosen.
const STATES_PAGE: &str = "/Search/Build.html";

/// One ticket is enough to see what our account may do.
const ONE: &str = "1";

impl RequestTracker {
    /// Looks at everything that a route through this queue depends on.
    pub(super) async fn proof(&self, id: &QueueId) -> Result<Vec<Finding>, QueueError> {
        let queue = match self.get::<Queue>(&queue_path(id), &[]).await {
            Ok(Some((queue, _))) => queue,
            Ok(None) => return Ok(no_queue("there is no such queue".to_owned())),
            Err(error) if error.kind == QueueErrorKind::Refused => {
                let detail = "there is no such queue, or our account has no right to see it: create                               the queue, or grant SeeQueue";
                return Ok(no_queue(detail.to_owned()));
            }
            Err(error) => return Err(error),
        };
        let seen = match self.bounded(self.look_at_queue(id)).await {
            Ok(looked) => inspected(&looked.facts),
            // Who is there is all that is missing; the rest can be shown all the same.
            Err(error) if error.kind.is_about_rights() => vec![
                Finding::held(RouteCheck::Reachable),
                Finding::held(RouteCheck::Exists),
                Finding::broken(RouteCheck::Staffed, error.detail),
            ],
            Err(error) => return Err(error),
        };
        let ticket = self.example(&queue.id).await?;
        let mut findings = seen;
        findings.push(self.readable(&queue));
        findings.push(self.mapped(&queue.lifecycle).await?);
        findings.push(self.suffices(&queue, ticket.as_ref()));
        findings.push(self.not_excessive(&queue.id, ticket.as_ref()).await?);
        findings.sort_by_key(|finding| finding.check);
        Ok(findings)
    }

    /// Our marks can be seen on tickets of this queue.
    fn readable(&self, queue: &Queue) -> Finding {
        let config = &self.config;
        let needed = [Some(&config.case_field), Some(&config.correlation_field)];
        let needed = needed.into_iter().chain([config.resolution_field.as_ref()]).flatten();
        let fields = &queue.ticket_custom_fields;
        let shown = |name: &str| fields.iter().any(|field| field.name.as_deref() == Some(name));
        let missing: Vec<_> = needed.filter(|name| !shown(name)).collect();
        if missing.is_empty() {
            return Finding::held(RouteCheck::Readable);
        }
        let names = missing.iter().map(|name| name.as_str()).collect::<Vec<_>>().join(", ");
        Finding::broken(
            RouteCheck::Readable,
            format!("add the custom field {names} to the queue, or grant SeeCustomField on it"),
        )
    }

    /// Every state that tickets of this lifecycle can have is named by the mapping.
    async fn mapped(&self, lifecycle: &str) -> Result<Finding, QueueError> {
        let request = self.web.request(Method::GET, STATES_PAGE, &[]);
        let answer = self.send(&self.web, request, Asked::Read).await?;
        let page = success(answer, Asked::Read)
            .map(|answer| String::from_utf8_lossy(&answer.body).into_owned());
        let states = page.ok().and_then(|page| states(&page, lifecycle));
        let Some(states) = states else {
            let why = "RT's page of states is not shown to our account";
            return Ok(Finding::untold(RouteCheck::StatusesMapped, why));
        };
        let unmapped = |state: &&String| self.config.meaning(lifecycle, state).is_none();
        let unmapped: Vec<_> = states.iter().filter(unmapped).map(String::as_str).collect();
        Ok(if unmapped.is_empty() {
            Finding::held(RouteCheck::StatusesMapped)
        } else {
            let names = unmapped.join(", ");
            Finding::broken(
                RouteCheck::StatusesMapped,
                format!("say in statuses what {names} of the lifecycle {lifecycle} mean"),
            )
        })
    }

    /// Our account may create, comment, and put our marks on a ticket.
    fn suffices(&self, queue: &Queue, ticket: Option<&Offered>) -> Finding {
        let check = RouteCheck::RightsSuffice;
        if !has(&queue.links, "create") {
            return Finding::broken(check, "grant CreateTicket on the queue");
        }
        let Some(ticket) = ticket else {
            let why = "it may create tickets; whether it may comment shows on a ticket only, and there \
                       is none in this queue that it may see";
            return Finding::untold(check, why);
        };
        if !has(&ticket.links, "comment") {
            return Finding::broken(check, "grant CommentOnTicket on the queue");
        }
        let marked = field(&ticket.custom_fields, &self.config.correlation_field).is_some();
        if marked {
            Finding::held(check)
        } else {
            let why = "it may create and comment; whether our marks stay on a ticket shows on one of \
                       ours only, and there is none in this queue";
            Finding::untold(check, why)
        }
    }

    /// Our account may not take, own, reply, change or close tickets: what it cannot do it cannot be thought to
    /// have done.
    async fn not_excessive(
        &self,
        queue: &str,
        ticket: Option<&Offered>,
    ) -> Result<Finding, QueueError> {
        let check = RouteCheck::RightsNotExcessive;
        let mut excess = Vec::new();
        if self.may_own(queue).await? {
            excess.push("OwnTicket");
        }
        if let Some(ticket) = ticket {
            if has(&ticket.links, "correspond") {
                excess.push("ReplyToTicket");
            }
            if has(&ticket.links, "lifecycle") {
                excess.push("ModifyTicket");
            }
        }
        if !excess.is_empty() {
            let names = excess.join(", ");
            return Ok(Finding::broken(check, format!("take {names} away from our account")));
        }
        Ok(match ticket {
            Some(_) => Finding::held(check),
            None => {
                let why = "it may not own tickets; whether it may reply to or change one shows on a \
                           ticket only, and there is none in this queue that it may see";
                Finding::untold(check, why)
            }
        })
    }

    /// Whether RT would let our account own tickets of this queue.
    async fn may_own(&self, queue: &str) -> Result<bool, QueueError> {
        let (limit, account) = (format!("RT::Queue-{queue}"), self.config.account.as_str());
        let query = [("limit", limit.as_str()), ("max", "50"), ("term", account)];
        let request = self.web.request(Method::GET, "/Helpers/Autocomplete/Owners", &query);
        let answer = success(self.send(&self.web, request, Asked::Read).await?, Asked::Read)?;
        let owners: Vec<Owner> = serde_json::from_slice(&answer.body).unwrap_or_default();
        Ok(owners.iter().any(|owner| owner.value == account))
    }

    /// A ticket of this queue on which our rights show: one of ours if there is one, and an open one, because
    /// a closed one offers less.
    async fn example(&self, queue: &str) -> Result<Option<Offered>, QueueError> {
        let marked = format!("'CF.{{{}}}' LIKE 'c-'", self.config.correlation_field);
        let open = "Status = '__Active__'";
        for narrower in
            [format!(" AND {marked} AND {open}"), format!(" AND {marked}"), String::new()]
        {
            let query = format!("Queue = {queue}{narrower}");
            let query = [
                ("query", query.as_str()),
                ("per_page", ONE),
                ("orderby", "id"),
                ("order", "DESC"),
            ];
            let Some((found, _)) = self.get::<Items<Hit>>("/tickets", &query).await? else {
                continue;
            };
            if let Some(hit) = found.items.first() {
                let path = format!("/ticket/{}", record::segment(&hit.id.to_string()));
                return Ok(self.get::<Offered>(&path, &[]).await?.map(|(ticket, _)| ticket));
            }
        }
        Ok(None)
    }
}

impl QueueErrorKind {
    /// Whether the system understood and would not show what it was asked for.
    fn is_about_rights(&self) -> bool {
        matches!(self, Self::Refused | Self::NotUnderstood)
    }
}

fn no_queue(detail: String) -> Vec<Finding> {
    vec![
        Finding::held(RouteCheck::Reachable),
        Finding { check: RouteCheck::Exists, verdict: Verdict::Broken(detail) },
    ]
}

fn has(links: &[Link], reference: &str) -> bool {
    links.iter().any(|link| link.reference.as_deref() == Some(reference))
}

/// The states of one lifecycle on the page where people search: a group of options under the lifecycle's name. None
/// if the page does not show that lifecycle.
fn states(page: &str, lifecycle: &str) -> Option<BTreeSet<String>> {
    let begin = format!("<optgroup label=\"{lifecycle}\">");
    let (_, rest) = page.split_once(begin.as_str())?;
    let (group, _) = rest.split_once("</optgroup>")?;
    let options = group.split("<option value=\"").skip(1);
    let states: BTreeSet<String> =
        options.filter_map(|option| Some(option.split_once('"')?.0.to_owned())).collect();
    (!states.is_empty()).then_some(states)
}

#[cfg(test)]
mod tests {
    use super::states;

    const PAGE: &str = r#"<select name="ValueOfStatus">
<option value="" selected="selected">-</option>
<optgroup label="default">
<option value="new" >new</option>
<option value="open" >open</option>
</optgroup>
<optgroup label="major-incident">
<option value="mitigating" >mitigating</option>
</optgroup>
</select>"#;

    #[test]
    fn the_states_of_a_lifecycle_are_those_that_people_can_choose() {
        let found =
            |lifecycle| states(PAGE, lifecycle).map(|all| all.into_iter().collect::<Vec<_>>());
        assert_eq!(found("default"), Some(vec!["new".to_owned(), "open".to_owned()]));
        assert_eq!(found("major-incident"), Some(vec!["mitigating".to_owned()]));
        assert_eq!(found("other"), None);
        assert_eq!(states("", "default"), None);
    }
}
