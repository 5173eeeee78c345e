//! Everybody who calls Belay and is no agent: customers who report, leads who decide, and one who asks again and
//! again who has which case.

use std::sync::Arc;
use std::time::Duration;

use belay_api::v1;
use belay_api::v1::approval_service_client::ApprovalServiceClient;
use belay_api::v1::case_service_client::CaseServiceClient;
use belay_api::v1::coverage::Coverage as Who;
use belay_api::v1::coverage_service_client::CoverageServiceClient;
use belay_domain::CaseId;
use belay_transport::issuer::DevIssuer;
use belay_transport::person::Person;
use belay_transport::spiffe::TrustDomain;

use crate::agents::timestamp;
use crate::api::{self, Channel};
use crate::audit::claims::{self, Claim, Holder};
use crate::promises::Promise;
use crate::world::{Moment, World};

/// The tenant of a development set-up.
pub(crate) const TENANT: &str = "default";

/// One report that a customer makes, again and again until it is answered.
#[derive(Clone, Debug)]
pub(crate) struct Report {
    pub(crate) at: Moment,
    pub(crate) request: String,
    pub(crate) kind: &'static str,
}

/// Reports everything that is to be reported, each in its time.
pub(crate) async fn report(world: World, api: Channel, domain: TrustDomain, reports: Vec<Report>) {
    let mut client = CaseServiceClient::new(api::channel(&api, &domain, api::Who::Tool("intake")));
    for report in reports {
        let wait = report.at.saturating_sub(world.now());
        tokio::time::sleep(wait).await;
        let again = world.look().dice.percent(20);
        for _ in 0..if again { 2 } else { 1 } {
            let request = v1::OpenCaseRequest {
                request_id: report.request.clone(),
                subject: format!("about {}", report.request),
                kind: report.kind.to_owned(),
                customer: format!("customer-{}", report.request),
                channel: "mail".to_owned(),
                ..v1::OpenCaseRequest::default()
            };
            match client.open_case(request).await {
                Ok(opened) => opened_case(&world, &report, opened.into_inner()),
                Err(status) => {
                    world.look().tally.count(&format!("refused to callers: {:?}", status.code()))
                }
            }
        }
    }
}

fn opened_case(world: &World, report: &Report, opened: v1::OpenCaseResponse) {
    let summary = opened.case.and_then(|case| case.summary);
    let Some(case) = summary.and_then(|summary| summary.id.parse::<CaseId>().ok()) else { return };
    let mut state = world.look();
    if !state.cases.contains(&case) {
        state.cases.push(case.clone());
        state.tally.count("cases: opened");
    }
    state.tell(|| format!("{} is the case {case}", report.request));
    state.promise(Promise::Opened { case, request: report.request.clone() });
}

/// A lead who looks now and then what waits for a decision.
pub(crate) async fn decide(
    world: World,
    api: Channel,
    domain: TrustDomain,
    issuer: Arc<DevIssuer>,
) {
    let mut number = 0_u64;
    loop {
        let wait = world.look().dice.millis(2_000..9_000);
        tokio::time::sleep(wait).await;
        let person = Person {
            id: "lea".to_owned(),
            groups: vec!["leads".to_owned()],
            tenant: TENANT.to_owned(),
        };
        let Ok(token) = issuer.issue_token(&person, Duration::from_secs(3_600), world.wall())
        else {
            continue;
        };
        let mut client =
            ApprovalServiceClient::new(api::channel(&api, &domain, api::Who::Person(&token)));
        let states = vec![v1::ApprovalState::Requested.into()];
        let request = v1::ListApprovalsRequest { states, ..Default::default() };
        let Ok(listed) = client.list_approvals(request).await else {
            world.look().tally.count("refused to leads: the list");
            continue;
        };
        for approval in listed.into_inner().approvals {
            let (decides, approves, amends) = {
                let mut state = world.look();
                let decides = !state.troubled || state.dice.percent(60);
                (decides, state.dice.percent(75), state.dice.percent(20))
            };
            if !decides {
                continue;
            }
            number += 1;
            let request_id = format!("lea-{}-{number}", world.now().as_micros());
            let (approval_id, shown_digest) = (approval.id.clone(), approval.shown_digest.clone());
            let note = String::new();
            let lower = amends.then(|| lowered(&approval.input_json)).flatten();
            let amended = lower.is_some();
            let answer = if let Some(input_json) = lower {
                let note = "less will do".to_owned();
                let request =
                    v1::AmendRequest { request_id, approval_id, shown_digest, input_json, note };
                client.amend(request).await.map(drop)
            } else if approves {
                let request = v1::ApproveRequest { request_id, approval_id, shown_digest, note };
                client.approve(request).await.map(drop)
            } else {
                let reason_code = approval.reason_codes.first().cloned().unwrap_or_default();
                let request =
                    v1::RejectRequest { request_id, approval_id, shown_digest, note, reason_code };
                client.reject(request).await.map(drop)
            };
            let mut state = world.look();
            match answer {
                Ok(()) => {
                    let what = if amended { "amended" } else { "decided" };
                    state.tally.count(&format!("actions: {what} by a lead"));
                    if let (Ok(case), Ok(action)) = (approval.case_id.parse(), approval.id.parse())
                    {
                        let person = "lea".to_owned();
                        state.promise(match amended {
                            true => Promise::Amended { case, action, person },
                            false => Promise::Voted { case, action, person },
                        });
                    }
                }
                Err(status) => {
                    state.tally.count(&format!("refused to leads: {:?}", status.code()));
                }
            }
        }
    }
}

/// The same with less money; none if it is little already.
fn lowered(input: &str) -> Option<String> {
    let mut input: serde_json::Value = serde_json::from_str(input).ok()?;
    let amount = input.get("amount_minor")?.as_u64().filter(|amount| *amount > 2_000)?;
    input["amount_minor"] = serde_json::json!(amount / 4);
    Some(input.to_string())
}

/// Asks again and again who has which case, and holds the answer against what is true.
pub(crate) async fn ask(world: World, api: Channel, domain: TrustDomain) {
    let mut client =
        CoverageServiceClient::new(api::channel(&api, &domain, api::Who::Tool("watcher")));
    loop {
        let (wait, case) = {
            let mut state = world.look();
            let case = match state.cases.len() {
                0 => None,
                number => {
                    let index = state.dice.within(0..number as u64);
                    state.cases.get(usize::try_from(index).unwrap_or(0)).cloned()
                }
            };
            (state.dice.millis(150..1_500), case)
        };
        tokio::time::sleep(wait).await;
        let Some(case) = case else { continue };
        let request = v1::GetCoverageRequest { case_id: case.to_string() };
        match client.get_coverage(request).await {
            Ok(answer) => heard(&world, &case, answer.into_inner()),
            Err(status) => {
                world.look().tally.count(&format!("refused to watchers: {:?}", status.code()))
            }
        }
    }
}

fn heard(world: &World, case: &CaseId, answer: v1::GetCoverageResponse) {
    let mut state = world.look();
    state.tally.count("coverage: asked");
    let Some(v1::Coverage { coverage, as_of }) = answer.coverage else { return };
    let life = state.lives.len().saturating_sub(1);
    let Some(as_of) = as_of.as_ref().and_then(timestamp) else { return };
    let (holder, valid_until) = match coverage {
        Some(Who::CoveredByAgent(by)) => {
            state.tally.count("coverage: by an agent");
            (Holder::Agent { agent: by.agent_id, epoch: by.epoch }, by.valid_until)
        }
        Some(Who::CoveredByPerson(by)) => {
            state.tally.count("coverage: by a person");
            let Some(evidence) = by.evidence else { return };
            let Ok(ticket) = evidence.ticket_id.parse() else { return };
            let Some(sent_at) = evidence.sent_at.as_ref().and_then(timestamp) else { return };
            let sent_at = state.moment_by(life, sent_at);
            (Holder::Person { person: by.person, ticket, sent_at }, by.valid_until)
        }
        Some(Who::Pending(_)) => return state.tally.count("coverage: pending"),
        // It says nothing of who holds it: its matter is asked for under the other case.
        Some(Who::Merged(_)) => return state.tally.count("coverage: merged"),
        Some(Who::Uncovered(_)) => return state.tally.count("coverage: uncovered"),
        Some(Who::Closed(_)) | None => return state.tally.count("coverage: closed"),
    };
    let Some(valid_until) = valid_until.as_ref().and_then(timestamp) else { return };
    let (as_of, valid_until) = (state.moment_in(life, as_of), state.moment_in(life, valid_until));
    claims::check(&mut state, &Claim { case: case.clone(), holder, as_of, valid_until });
}
