//! An accounts payable office: a real Tryton, suppliers made for one test each, and independent looks at what stands there.
//! Nothing here goes through Belay.

use std::io::Write as _;
use std::sync::Once;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::prelude::{BASE64_URL_SAFE, Engine};
use belay_agent::{Outcome, Permit};
use reqwest::{Client, Method};
use serde_json::{Value, json};

static SKIPPED: Once = Once::new();

/// The account to which every new supplier is paid.
pub(crate) const OLD: &str = "GB33BUKB20201555555555";
/// The account that it becomes.
pub(crate) const NEW: &str = "GB94BARC10201530093459";

/// The way to the real ERP.
#[derive(Clone)]
pub(crate) struct Office {
    client: Client,
    pub(crate) erp: String,
}

/// A supplier as the ERP knows them.
#[derive(Clone, Debug)]
pub(crate) struct Supplier {
    pub(crate) id: i64,
    pub(crate) code: String,
    pub(crate) account: i64,
    pub(crate) email: i64,
    pub(crate) phone: &'static str,
}

/// A setting that `deploy/bench/business/up` prints.
pub(crate) fn setting(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set; see deploy/bench/business"))
}

impl Office {
    /// The office; none, with a word about why, when no ERP runs.
    pub(crate) fn open() -> Option<Self> {
        let Ok(erp) = std::env::var("PAYABLES_ERP_REST") else {
            // Past the capture of the test's output, so that it is seen; once, so that it is read.
            SKIPPED.call_once(|| {
                let _ = writeln!(
                    std::io::stderr(),
                    "SKIPPED: accounts payable in a real Tryton. Start it with deploy/bench/business/up and set the \
                     variables it prints."
                );
            });
            return None;
        };
        let client = Client::builder().timeout(Duration::from_secs(60)).build().unwrap();
        Some(Self { client, erp })
    }

    /// A supplier whom nobody has heard of.
    pub(crate) async fn supplier(&self) -> Supplier {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let moment = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis();
        let name = format!("Harrow Paper {moment}-{}", NEXT.fetch_add(1, Ordering::Relaxed));
        let phone = "+441134960000";
        let made = json!({
            "name": name,
            "addresses": [["create", [{"city": "Leeds"}]]],
            "contact_mechanisms": [["create", [
                {"type": "other", "name": "Remittance account", "value": OLD},
                {"type": "email", "name": "Accounts receivable", "value": "ar@harrow.example"},
                {"type": "phone", "value": phone},
            ]]],
        });
        let made = self.ask(Method::POST, "party.party", "TRYTON_ADMIN_KEY", Some(made)).await;
        let id = made.expect("a supplier")["id"].as_i64().unwrap();
        let found = self
            .look(&format!(
                "party.party/{id}?f=code&f=contact_mechanisms.type&f=contact_mechanisms.value"
            ))
            .await;
        let contact = |kind: &str| {
            let all = found["contact_mechanisms"].as_array().unwrap();
            all.iter().find(|one| one["type"] == kind).unwrap()["id"].as_i64().unwrap()
        };
        let code = found["code"].as_str().unwrap().to_owned();
        Supplier { id, code, account: contact("other"), email: contact("email"), phone }
    }

    /// What a contact of a supplier is now.
    pub(crate) async fn contact(&self, id: i64) -> String {
        let found = self.look(&format!("party.contact_mechanism/{id}?f=value")).await;
        found["value"].as_str().unwrap().to_owned()
    }

    /// Whether a supplier may be used.
    pub(crate) async fn is_active(&self, supplier: &Supplier) -> bool {
        self.look(&format!("party.party/{}?f=active", supplier.id)).await["active"] == 1
    }

    /// The invoices of a supplier: what it calls them, and their states.
    pub(crate) async fn invoices(&self, supplier: &Supplier) -> Vec<(String, String)> {
        let path = search(
            "account.invoice",
            &json!([["party", "=", supplier.id]]),
            "&f=reference&f=state",
        );
        let text = |one: &Value, field: &str| one[field].as_str().unwrap_or_default().to_owned();
        let mut found: Vec<_> = self
            .look(&path)
            .await
            .as_array()
            .unwrap()
            .iter()
            .map(|one| (text(one, "reference"), text(one, "state")))
            .collect();
        found.sort();
        found
    }

    /// What a specialist for invoices does with a permit: the accounts, the journal and the address are looked up, and a
    /// draft is made under the permit's key, with a login that can do nothing else.
    pub(crate) async fn draft(&self, permit: Permit) -> Outcome {
        let input = permit.input();
        let one = async |model: &str, domain: Value| {
            self.look(&search(model, &domain, "&s=1")).await[0]["id"].clone()
        };
        let date: Vec<i64> =
            input["date"].as_str().unwrap().split('-').map(|part| part.parse().unwrap()).collect();
        let expense = one("account.account", json!([["code", "=", "5.1.1"]])).await;
        let lines: Vec<Value> = input["lines"]
            .as_array()
            .unwrap()
            .iter()
            .map(|line| {
                json!({
                    "description": line["text"], "quantity": line["quantity"], "account": expense,
                    "unit_price": decimal(line["unit_minor"].as_i64().unwrap()),
                })
            })
            .collect();
        let made = json!({
            "type": "in", "party": input["supplier_id"], "reference": input["number"],
            "description": permit.idempotency_key(),
            "invoice_date": {"__class__": "date", "year": date[0], "month": date[1], "day": date[2]},
            "account": one("account.account", json!([["code", "=", "2.1.1"]])).await,
            "journal": one("account.journal", json!([["type", "=", "expense"]])).await,
            "invoice_address": one("party.address", json!([["party", "=", input["supplier_id"]]])).await,
            "lines": [["create", lines]],
        });
        match self.ask(Method::POST, "account.invoice", "PAYABLES_DRAFT_KEY", Some(made)).await {
            Ok(answer) => Outcome::executed(json!({"id": answer["id"]})),
            Err(why) => Outcome::unknown(why),
        }
    }

    /// A look with the login that reads.
    async fn look(&self, path: &str) -> Value {
        self.ask(Method::GET, path, "PAYABLES_READ_KEY", None).await.unwrap()
    }

    async fn ask(
        &self,
        method: Method,
        path: &str,
        key: &str,
        body: Option<Value>,
    ) -> Result<Value, String> {
        let mut request = self.client.request(method, format!("{}/{path}", self.erp));
        if let Some(body) = body {
            request = request.json(&body);
        }
        let context = BASE64_URL_SAFE.encode(r#"{"company":1}"#);
        let request = request.header("X-Tryton-Context", context).bearer_auth(setting(key));
        let answer = request.send().await.map_err(|error| error.to_string())?;
        let status = answer.status();
        let text = answer.text().await.map_err(|error| error.to_string())?;
        if !status.is_success() {
            return Err(format!("{status}: {text}"));
        }
        serde_json::from_str(&text).map_err(|error| error.to_string())
    }
}

fn search(model: &str, domain: &Value, rest: &str) -> String {
    format!("{model}?d={}{rest}", BASE64_URL_SAFE.encode(domain.to_string()))
}

fn decimal(minor: i64) -> Value {
    json!({"__class__": "Decimal", "decimal": format!("{}.{:02}", minor / 100, minor % 100)})
}
