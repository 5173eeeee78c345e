//! What each specialist does about a case.

use std::time::Duration;

use belay_agent::{
    ActionResult, CallError, Case, Done, ErrorReason, NewEntry, Outcome, Permit, Source,
    Specialist, To, Trouble,
};
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::demo::answers::{Answer, AnswerFile};

/// One specialist.
pub(super) struct Player {
    /// The system it knows.
    pub(super) role: String,
    /// Where the company is.
    pub(super) company: String,
    /// Its way to the company.
    pub(super) http: reqwest::Client,
    /// What was answered to it.
    pub(super) answers: AnswerFile,
}

/// How long the company may take.
const COMPANY_WITHIN: Duration = Duration::from_secs(10);
/// How long an agent thinks about a case that says nothing of it.
const PACE_MILLIS: u64 = 700;
/// How often an agent that thinks shows that it still does.
const SIGN_EVERY: Duration = Duration::from_millis(400);
/// How long a case waits for writes that are being taken back.
const SETTLE_WITHIN: Duration = Duration::from_secs(30);

/// The plan of a case whose writes stand and fall together.
const PLAN: &str = "make-good";

/// Why an agent cannot go on.
enum Hitch {
    /// The plan that it wanted to go on with was undone.
    PlanUndone,
    /// People are being asked to take the case already.
    PeopleAsked,
    /// Anything else.
    Trouble(Trouble),
}

impl Specialist for Player {
    async fn work(&self, case: &mut Case) -> Result<Done, Trouble> {
        self.think(case).await;
        let worked = match self.task(case).await {
            Err(Hitch::PlanUndone) => self.resolve(case, "declined", "its plan was undone").await,
            worked => worked,
        };
        worked.map_err(|hitch| match hitch {
            Hitch::Trouble(trouble) => trouble,
            Hitch::PlanUndone => Trouble::for_people("its plan was undone", None),
            Hitch::PeopleAsked => Trouble::new("people were asked and did not come"),
        })
    }
}

impl From<CallError> for Hitch {
    fn from(error: CallError) -> Self {
        match error {
            CallError::Refused(refused) if refused.reason == ErrorReason::PlanClosed => {
                Self::PlanUndone
            }
            CallError::Refused(refused) if refused.reason == ErrorReason::EscalationUnderWay => {
                Self::PeopleAsked
            }
            error => Self::Trouble(error.into()),
        }
    }
}

impl Player {
    async fn task(&self, case: &Case) -> Result<Done, Hitch> {
        match (self.role.as_str(), case.about().kind.as_str()) {
            ("crm", "address-change") => self.change_address(case).await,
            ("crm", _) => self.note(case).await,
            ("billing", _) => self.refund(case).await,
            ("erp", "credit") => self.credit(case).await,
            ("erp", _) => self.adjust(case).await,
            ("itsm", _) => self.change_record(case).await,
            (other, kind) => Err(trouble(&format!("{other} does not know {kind}"))),
        }
    }
}

impl Player {
    async fn change_address(&self, case: &Case) -> Result<Done, Hitch> {
        let input = json!({
            "customer_id": case.about().customer,
            "address": task(case)["address"],
            "confirmed": true,
        });
        let result = case
            .propose("crm.update_address@1", input)
            .provenance("/address", Source::Customer, "the customer's message")
            .provenance("/confirmed", Source::Customer, "the customer's message")
            .act(|permit| self.write(permit, "crm"))
            .await?;
        self.finish(case, result).await
    }

    async fn note(&self, case: &Case) -> Result<Done, Hitch> {
        if is_set(case, "wants-money") {
            return self.overreach(case).await;
        }
        let input = json!({ "customer_id": case.about().customer, "text": task(case)["text"] });
        let result = case.act("crm.add_note@1", input, |permit| self.write(permit, "crm")).await?;
        self.finish(case, result).await
    }

    /// Tries what is not its business, is told so, and gives the case to those whose business it is.
    async fn overreach(&self, case: &Case) -> Result<Done, Hitch> {
        let result = self.propose_refund(case, "").await?;
        let ActionResult::Denied(reasons) = result else {
            return Err(trouble("a refund by the CRM was not denied"));
        };
        let rules: Vec<&str> = reasons.iter().map(|reason| reason.rule.as_str()).collect();
        let entry = NewEntry::new("note", format!("not for me, says {}", rules.join(", ")));
        let role = To::Role("billing".to_owned());
        Ok(case.hand_off(role, "money is for billing", vec![entry]).await?)
    }

    async fn refund(&self, case: &Case) -> Result<Done, Hitch> {
        let planned = is_set(case, "plan");
        let result = self.propose_refund(case, if planned { PLAN } else { "" }).await?;
        if planned {
            return match result {
                ActionResult::Verified(_) => {
                    case.complete_plan(PLAN).await?;
                    self.resolve(case, "resolved", "everything is made good").await
                }
                _ => self.resolve(case, "declined", "it could not be made good as a whole").await,
            };
        }
        self.finish(case, result).await
    }

    async fn propose_refund(&self, case: &Case, plan: &str) -> Result<ActionResult, Hitch> {
        let task = task(case);
        let input = json!({
            "customer_id": case.about().customer,
            "charge_id": task["charge_id"],
            "amount_minor": task["amount_minor"],
            "currency": "USD",
            "reason": task["reason"],
        });
        let proposal = case
            .propose("billing.refund@1", input)
            .provenance("/charge_id", Source::SystemOfRecord, "billing")
            .provenance("/amount_minor", Source::SystemOfRecord, "billing")
            .justify("the customer is right");
        let proposal = if plan.is_empty() { proposal } else { proposal.plan(plan) };
        Ok(proposal.act(|permit| self.write(permit, "billing")).await?)
    }

    async fn credit(&self, case: &Case) -> Result<Done, Hitch> {
        let task = task(case);
        let planned = is_set(case, "plan");
        let input = json!({
            "customer_id": case.about().customer,
            "amount_minor": task["amount_minor"],
            "currency": "USD",
            "reason": "goodwill",
        });
        let proposal = case.propose("erp.credit_note@1", input).provenance(
            "/amount_minor",
            Source::SystemOfRecord,
            "billing",
        );
        let proposal = if planned { proposal.plan(PLAN) } else { proposal };
        // The supervisor writes it itself, with a credential that no agent has.
        let result = proposal
            .act(|_| async { Outcome::failed("the supervisor carries this out, not the agent") })
            .await?;
        if !planned {
            return self.finish(case, result).await;
        }
        let text = json!({ "customer_id": case.about().customer, "text": "we make good" });
        let noted = case
            .propose("crm.add_note@1", text)
            .plan(PLAN)
            .act(|permit| self.write(permit, "crm"))
            .await?;
        if let Err(not) = noted.verified() {
            return Err(trouble(&not.to_string()));
        }
        let role = To::Role("billing".to_owned());
        Ok(case.hand_off(role, "the money itself is for billing", Vec::new()).await?)
    }

    async fn adjust(&self, case: &Case) -> Result<Done, Hitch> {
        let task = task(case);
        let input = json!({
            "order_id": task["order_id"], "sku": task["sku"], "quantity": task["quantity"],
        });
        let result = case
            .propose("erp.adjust_order@1", input)
            .provenance("/quantity", Source::Customer, "the customer's message")
            .act(|permit| self.write(permit, "erp"))
            .await?;
        self.finish(case, result).await
    }

    async fn change_record(&self, case: &Case) -> Result<Done, Hitch> {
        let task = task(case);
        let result = if is_set(case, "retire") {
            let input = json!({ "record_id": task["record_id"] });
            case.act("itsm.retire_record@1", input, |permit| self.write(permit, "itsm")).await?
        } else {
            let input = json!({
                "record_id": task["record_id"], "field": task["field"], "value": task["value"],
            });
            case.act("itsm.update_record@1", input, |permit| self.write(permit, "itsm")).await?
        };
        self.finish(case, result).await
    }

    /// Resolves the case if what was written is proven, and asks people if not.
    async fn finish(&self, case: &Case, result: ActionResult) -> Result<Done, Hitch> {
        match result {
            ActionResult::Verified(report) => {
                self.answers.add(&Answer::Verified { action: report.id });
                self.resolve(case, "resolved", "done, and read back").await
            }
            ActionResult::Duplicate { of } => {
                self.resolve(case, "resolved", &format!("{of} did it already")).await
            }
            ActionResult::Shadowed => self.resolve(case, "resolved", "would have been done").await,
            ActionResult::Compensated(_) | ActionResult::Diverged(_) => {
                self.resolve(case, "declined", "it went wrong and was taken back").await
            }
            ActionResult::Denied(reasons) => {
                let why: Vec<&str> = reasons.iter().map(|reason| reason.rule.as_str()).collect();
                self.ask_people(case, &format!("not allowed to me: {}", why.join(", "))).await
            }
            ActionResult::Rejected(report) => {
                self.resolve(case, "declined", &format!("people said no: {}", report.detail)).await
            }
            ActionResult::Failed(report)
            | ActionResult::Withdrawn(report)
            | ActionResult::CompensationFailed(report) => {
                self.ask_people(case, &format!("it did not work: {}", report.detail)).await
            }
            ActionResult::Expired => self.ask_people(case, "nobody decided").await,
        }
    }

    /// Asks people to take the case, and keeps it until one of them has.
    async fn ask_people(&self, case: &Case, why: &str) -> Result<Done, Hitch> {
        match case.escalate(why, None).await.map_err(Hitch::from) {
            // Belay has asked them by itself. When one of them has the case, this future is dropped.
            Err(Hitch::PeopleAsked) => {
                let deadline = tokio::time::Instant::now() + SETTLE_WITHIN;
                while tokio::time::Instant::now() < deadline {
                    case.progress("waiting for people");
                    tokio::time::sleep(SIGN_EVERY).await;
                }
                Err(Hitch::PeopleAsked)
            }
            asked => asked,
        }
    }

    /// Resolves the case, as soon as nothing is unsettled any more.
    async fn resolve(&self, case: &Case, code: &str, note: &str) -> Result<Done, Hitch> {
        let deadline = tokio::time::Instant::now() + SETTLE_WITHIN;
        loop {
            match case.resolve(code, note).await {
                Ok(done) => {
                    self.answers.add(&Answer::Resolved { case: case.about().id.clone() });
                    return Ok(done);
                }
                Err(CallError::Refused(refused))
                    if refused.reason == ErrorReason::UnsettledActions
                        && tokio::time::Instant::now() < deadline =>
                {
                    case.progress("waiting for what is being taken back");
                    tokio::time::sleep(SIGN_EVERY).await;
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Takes as long as the case says that it takes.
    async fn think(&self, case: &Case) {
        let pace = case.about().labels.get("pace").and_then(|pace| pace.parse().ok());
        let end = tokio::time::Instant::now() + Duration::from_millis(pace.unwrap_or(PACE_MILLIS));
        while tokio::time::Instant::now() < end {
            case.progress("thinking");
            tokio::time::sleep_until(end.min(tokio::time::Instant::now() + SIGN_EVERY)).await;
        }
    }

    /// The one write that the permit allows.
    async fn write(&self, permit: Permit, system: &str) -> Outcome {
        let input = permit.input();
        let text = |field: &str| input[field].as_str().unwrap_or_default();
        let key = permit.idempotency_key();
        let at = |path: String| format!("{}/{system}{path}", self.company);
        let request = match permit.contract() {
            "crm.update_address@1" => self
                .http
                .put(at(format!("/customers/{}/address", text("customer_id"))))
                .header("Idempotency-Key", key)
                .json(&input["address"]),
            "crm.add_note@1" => self.http.post(at("/notes".into())).json(&keyed(input, key)),
            "billing.refund@1" => self.http.post(at("/refunds".into())).json(&keyed(input, key)),
            "erp.adjust_order@1" => self
                .http
                .post(at(format!("/orders/{}/adjustments", text("order_id"))))
                .json(&keyed(input, key)),
            "itsm.update_record@1" => self
                .http
                .patch(at(format!("/records/{}", text("record_id"))))
                .json(&keyed(input, key)),
            other => return Outcome::failed(format!("this agent does not know {other}")),
        };
        match request.timeout(COMPANY_WITHIN).send().await {
            Ok(answer) => outcome(answer).await,
            Err(error) if error.is_connect() => Outcome::failed_for_now(error.to_string()),
            Err(error) => Outcome::unknown(error.to_string()),
        }
    }
}

async fn outcome(answer: reqwest::Response) -> Outcome {
    match answer.status() {
        status if status.is_success() => {
            Outcome::executed(answer.json().await.unwrap_or(Value::Null))
        }
        // It may have been done before it failed; only a look can tell.
        status if status.is_server_error() => Outcome::unknown(format!("it answered {status}")),
        StatusCode::TOO_MANY_REQUESTS => Outcome::failed_for_now("it is busy"),
        status => Outcome::failed(format!("it answered {status}")),
    }
}

fn trouble(why: &str) -> Hitch {
    Hitch::Trouble(Trouble::for_people(why, None))
}

/// What is to be done, as intake wrote it down.
fn task(case: &Case) -> Value {
    let facts = case.context().into_iter().filter(|entry| entry.kind == "fact");
    facts.filter_map(|entry| serde_json::from_str(&entry.body).ok()).next().unwrap_or(Value::Null)
}

fn is_set(case: &Case, label: &str) -> bool {
    case.about().labels.contains_key(label)
}

fn keyed(input: &Value, key: &str) -> Value {
    let mut body = input.clone();
    if let Some(body) = body.as_object_mut() {
        body.insert("key".to_owned(), json!(key));
    }
    body
}
