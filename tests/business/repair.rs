//! The agent that repairs double charges. It reads with credentials that can only read, finds the customer by what was
//! said, and proposes; it has nothing that it could write with.

use std::sync::Arc;
use std::time::Duration;

use base64::prelude::{BASE64_URL_SAFE, Engine};
use belay_agent::{ActionResult, Case, Done, Outcome, Source, Trouble};
use reqwest::{Client, RequestBuilder};
use serde_json::{Value, json};
use tokio::sync::Notify;

use crate::company::{Company, answer, setting};

/// The name of the plan.
pub(crate) const PLAN: &str = "repair";

/// The books, as the agent may read them.
#[derive(Clone)]
pub(crate) struct Books {
    client: Client,
    processor: String,
    erp: String,
    crm: String,
    crm_token: String,
    /// What is waited for before the plan is said to be complete.
    pub(crate) held: Option<Arc<Notify>>,
}

/// Everything that a repair needs, each from a system of record.
#[derive(Debug)]
struct Found {
    charge: String,
    twin: String,
    invoice: Value,
    line: Value,
    erp_code: String,
    account: i64,
}

impl Books {
    pub(crate) fn of(company: &Company) -> Self {
        let client = Client::builder().timeout(Duration::from_secs(60)).build().unwrap();
        let Company { processor, erp, crm, crm_reader, .. } = company.clone();
        Self { client, processor, erp, crm, crm_token: crm_reader, held: None }
    }

    /// Finds what was charged twice by an e-mail address and an amount. Whatever is not certain is an error, and the
    /// same is found however far a repair has come.
    async fn find(&self, email: &str, minor: i64) -> Result<Found, String> {
        let customers = self.processor(&format!("/v1/customers?email={email}")).await;
        let customers = list(&customers["data"]).iter().filter(|one| one["email"] == email);
        let customer = one("customer with this e-mail address", customers.collect())?["id"].clone();
        let mut charges: Vec<Value> = Vec::new();
        let mut after = String::new();
        loop {
            let page = self.processor(&format!("/v1/charges?limit=100{after}")).await;
            let found = list(&page["data"]);
            charges.extend(
                found.iter().filter(|one| one["metadata"]["customer"] == customer).cloned(),
            );
            match found.last() {
                Some(last) if page["has_more"] == true => {
                    after = format!("&starting_after={}", last["id"].as_str().unwrap());
                }
                _ => break,
            }
        }
        charges.retain(|one| one["amount"] == minor && one["paid"] == true);
        charges.sort_by_key(|one| one["id"].as_str().map(str::to_owned));
        let [first, second] = &charges[..] else {
            return Err(format!("{} charges of this amount", charges.len()));
        };
        let number = &first["metadata"]["invoice"];
        if *number != second["metadata"]["invoice"] || !number.is_string() {
            return Err("the charges are for different invoices".to_owned());
        }

        let parties = self
            .erp(
                "party.party",
                &json!([["contact_mechanisms.value", "=", email]]),
                "&f=code&f=name",
            )
            .await;
        let party = one("party with this e-mail address", list(&parties).iter().collect())?.clone();
        let fields = "&f=number&f=invoice_address&f=account&f=journal&f=currency&f=company&f=lines.account\
                      &f=lines.product&f=lines.unit&f=lines.taxes&f=lines.quantity&f=lines.unit_price";
        let domain = json!([["number", "=", number], ["party", "=", party["id"]]]);
        let invoices = self.erp("account.invoice", &domain, fields).await;
        let mut invoice = one("invoice of this number", list(&invoices).iter().collect())?.clone();
        invoice["party"] = party["id"].clone();
        let lines = list(&invoice["lines"]).to_vec();
        let last = lines.last().ok_or("the invoice is empty")?;
        let same = |one: &&Value| {
            one["product"] == last["product"] && one["unit_price"] == last["unit_price"]
        };
        if lines.iter().filter(same).count() != 2 {
            return Err("no line of the invoice stands there twice".to_owned());
        }

        let erp_code = party["code"].as_str().unwrap().to_owned();
        let tag = format!("erp:{erp_code}");
        let name = party["name"].as_str().unwrap();
        let words: Vec<&str> = name.split([' ', ',']).take(2).collect();
        let path = format!("/accounts/?name={}", words.join("%20"));
        let request = self.client.get(format!("{}{path}", self.crm));
        let token = format!("JWT {}", self.crm_token);
        let accounts = answer(request.header("Authorization", token)).await;
        let accounts = list(&accounts["active_accounts"]["open_accounts"]);
        let tagged =
            accounts.iter().filter(|one| list(&one["tags"]).iter().any(|t| t["name"] == tag));
        let account =
            one("account with this customer's code", tagged.collect())?["id"].as_i64().unwrap();

        let id = |charge: &Value| charge["id"].as_str().unwrap().to_owned();
        Ok(Found {
            charge: id(second),
            twin: id(first),
            line: last.clone(),
            invoice,
            erp_code,
            account,
        })
    }

    async fn processor(&self, path: &str) -> Value {
        let request = self.client.get(format!("{}{path}", self.processor));
        self.read(request, "NORTHGATE_PROCESSOR_READ_KEY").await
    }

    async fn erp(&self, model: &str, domain: &Value, fields: &str) -> Value {
        let domain = BASE64_URL_SAFE.encode(domain.to_string());
        let request = self.client.get(format!("{}/{model}?d={domain}{fields}", self.erp));
        let context = BASE64_URL_SAFE.encode(r#"{"company":1}"#);
        self.read(request.header("X-Tryton-Context", context), "NORTHGATE_ERP_READ_KEY").await
    }

    async fn read(&self, request: RequestBuilder, key: &str) -> Value {
        answer(request.bearer_auth(setting(key))).await
    }
}

/// Repairs the double charge that the case is about. What can be taken back comes first, then the money, then what
/// rests on it. When a step is not verified, Belay decides what becomes of the others, and the agent keeps still.
pub(crate) async fn repair(
    case: &Case,
    books: &Books,
    minor: i64,
    gives_up: bool,
) -> Result<Done, Trouble> {
    let email = case.about().customer.clone();
    let found = match books.find(&email, minor).await {
        Ok(found) => found,
        Err(why) => {
            return Err(Trouble::for_people(format!("not certain who was charged: {why}"), None));
        }
    };
    let Found { charge, twin, invoice, line, erp_code, account } = found;
    let header: Value = ["party", "invoice_address", "account", "journal", "currency", "company"]
        .map(|name| (name.to_owned(), invoice[name].clone()))
        .into_iter()
        .collect();
    let draft = step(case, "erp.draft_credit_note@1", json!({
        "invoice_id": invoice["id"], "line_id": line["id"], "amount_minor": minor, "currency": "USD",
        "header": header,
        "line": {
            "product": line["product"], "unit": line["unit"], "account": line["account"], "taxes": line["taxes"],
            "quantity": line["quantity"].as_f64().unwrap_or_default() as i64,
            "unit_price": line["unit_price"]["decimal"],
        },
    })).await?;
    let refund = step(case, "billing.refund@1", json!({
        "charge_id": charge, "twin_id": twin, "amount_minor": minor, "currency": "USD", "reason": "duplicate-charge",
    })).await?;
    step(case, "erp.post_credit_note@1", json!({
        "credit_note_id": draft["id"], "charge_id": charge, "amount_minor": minor, "currency": "USD",
    })).await?;
    step(case, "crm.note_refund@1", json!({
        "account_id": account, "erp_code": erp_code, "charge_id": charge, "refund_id": refund["refunds"][0],
        "credit_note_id": draft["id"], "amount_minor": minor, "currency": "USD",
    })).await?;
    if gives_up {
        case.abandon_plan(PLAN, "the customer takes it back").await?;
        std::future::pending::<()>().await;
    }
    if let Some(held) = &books.held {
        held.notified().await;
    }
    case.complete_plan(PLAN).await?;
    Ok(case.resolve("repaired", "refunded, credited and noted").await?)
}

/// One write. What a read-back showed of it, once it is verified.
async fn step(case: &Case, contract: &str, input: Value) -> Result<Value, Trouble> {
    let proposal = case.propose(contract, input);
    let proposal = proposal.provenance("", Source::SystemOfRecord, "the books").plan(PLAN);
    let result =
        proposal.act(async |_| Outcome::failed("an agent has nothing to write with")).await?;
    match result {
        ActionResult::Verified(report) => Ok(report.shown.unwrap_or_default()),
        other => {
            eprintln!("{}: {contract} came to {other:?}", case.about().id);
            std::future::pending().await
        }
    }
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn one<'v>(what: &str, found: Vec<&'v Value>) -> Result<&'v Value, String> {
    match found[..] {
        [only] => Ok(only),
        _ => Err(format!("{} times a {what}", found.len())),
    }
}
