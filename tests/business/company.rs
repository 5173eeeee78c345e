//! The company of the bench as the tests see it: double charges made for one test each, and independent looks at what
//! stands in the three systems. Nothing here goes through Belay.

use std::io::Write as _;
use std::sync::Once;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use base64::prelude::{BASE64_URL_SAFE, Engine};
use reqwest::{Client, Method, RequestBuilder};
use serde_json::{Value, json};
use tokio::sync::Mutex;

static SKIPPED: Once = Once::new();

/// What was charged twice, in cents.
pub(crate) const AMOUNT: i64 = 42_000;

/// The way to the real systems, with credentials that Belay does not have.
#[derive(Clone)]
pub(crate) struct Company {
    client: Client,
    pub(crate) processor: String,
    pub(crate) erp: String,
    pub(crate) crm: String,
    erp_admin: String,
    crm_admin: String,
    /// The token of the login that reads, for the agent.
    pub(crate) crm_reader: String,
    crm_login: i64,
}

/// A customer who was charged twice, as only the test knows them: Belay's agent is told e-mail and amount.
#[derive(Clone, Debug)]
pub(crate) struct Customer {
    pub(crate) name: String,
    pub(crate) email: String,
    pub(crate) erp_code: String,
    pub(crate) invoice: i64,
    pub(crate) line: i64,
    pub(crate) charges: [String; 2],
    pub(crate) account: i64,
}

/// A document in the books: id, state and total in cents.
pub(crate) type Document = (i64, String, i64);

/// What stands in the three systems of one repair.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Standing {
    /// What was given back on each of the two charges, and by how many refunds.
    pub(crate) refunded: [(i64, usize); 2],
    /// The credit notes for a line of the invoice: id, state and total in cents.
    pub(crate) credits: Vec<Document>,
    /// The documents that counter one of these: id, state and total in cents.
    pub(crate) counters: Vec<Document>,
    /// The notes on the account besides those from the start: id and text.
    pub(crate) notes: Vec<(i64, String)>,
}

/// A setting of the bench.
pub(crate) fn setting(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set; see deploy/bench/business"))
}

impl Company {
    /// The company with this processor (`SSM` or `LOCALSTRIPE`); none, with a word about why, when it does not run.
    pub(crate) async fn open(processor: &str) -> Option<Self> {
        let running = |name: &str| std::env::var(name).is_ok();
        if !running("NORTHGATE_ERP_REST") || !running(&format!("{processor}_URL")) {
            // Past the capture of the test's output, so that it is seen; once, so that it is read.
            SKIPPED.call_once(|| {
                let _ = writeln!(
                    std::io::stderr(),
                    "SKIPPED: all repairs in the business systems. Start them with deploy/bench/business/up and set \
                     the variables it prints."
                );
            });
            return None;
        }
        let client = Client::builder().timeout(Duration::from_secs(60)).build().unwrap();
        let mut company = Self {
            client,
            processor: setting(&format!("{processor}_URL")),
            erp: setting("NORTHGATE_ERP_REST"),
            crm: setting("NORTHGATE_CRM_API"),
            erp_admin: setting("TRYTON_ADMIN_KEY"),
            crm_admin: String::new(),
            crm_reader: String::new(),
            crm_login: 0,
        };
        company.crm_admin = company.crm_token("ADMIN").await;
        company.crm_reader = company.crm_token("AUDIT").await;
        let any = company.crm_get("/accounts/?name=Cobalt").await;
        let account = &any["active_accounts"]["open_accounts"][0];
        company.crm_login = account["assigned_to"][0]["id"].as_i64().expect("an agent's login");
        Some(company)
    }

    async fn crm_token(&self, login: &str) -> String {
        let setting = |name: &str| setting(&format!("BOTTLECRM_{login}_{name}"));
        let login = json!({"email": setting("USER"), "password": setting("PASSWORD")});
        let given =
            answer(self.client.post(format!("{}/auth/login/", self.crm)).json(&login)).await;
        given["token"].as_str().unwrap().to_owned()
    }

    /// Cobalt Freight as it was seeded; none if it has been repaired since.
    pub(crate) async fn cobalt(&self) -> Option<Customer> {
        let charges =
            ["SSM_DOUBLE_CHARGE_1", "SSM_DOUBLE_CHARGE_2"].map(|name| std::env::var(name).unwrap());
        let found = self
            .search("account.invoice", json!([["number", "=", "INV-00007"]]), "&f=lines.id")
            .await;
        let account = self.crm_get("/accounts/?name=Cobalt%20Freight").await;
        let account = &account["active_accounts"]["open_accounts"][0]["id"];
        let customer = Customer {
            name: "Cobalt Freight".to_owned(),
            email: "ap@cobaltfreight.example".to_owned(),
            erp_code: "C10008".to_owned(),
            invoice: found[0]["id"].as_i64().unwrap(),
            line: found[0]["lines"][1]["id"].as_i64().unwrap(),
            charges,
            account: account.as_i64().unwrap(),
        };
        let standing = self.standing(&customer).await;
        standing.is_untouched().then_some(customer)
    }

    /// A company that was charged twice, made for one test.
    pub(crate) async fn charged_twice(&self) -> Customer {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        // Tryton numbers two parties that are made at the same time alike, and refuses one.
        static ALONE: Mutex<()> = Mutex::const_new(());
        let _alone = ALONE.lock().await;
        let since = jiff::Timestamp::now().as_millisecond();
        let number = format!("{since}{:03}", NEXT.fetch_add(1, Ordering::Relaxed) % 1000);
        let name = format!("Cobalt {number}");
        let email = format!("ap@cobalt-{number}.example");

        let model = self.cobalt_invoice().await;
        let party = self.erp_post("party.party", json!({
            "name": format!("{name}, Inc."),
            "addresses": [["create", [{"street": "1 Commerce Street", "city": "Chicago"}]]],
            "contact_mechanisms": [["create", [
                {"type": "email", "value": email, "name": "Accounts payable"},
                {"type": "email", "value": format!("dana@cobalt-{number}.example"), "name": "Dana Whitfield"},
            ]]],
        }), "?f=code&f=addresses").await;
        let line = |line: &Value| {
            json!({
                "type": "line", "quantity": 1, "unit": line["unit"], "product": line["product"],
                "account": line["account"], "unit_price": line["unit_price"], "taxes": [["add", line["taxes"]]],
            })
        };
        let lines: Vec<Value> = model["lines"].as_array().unwrap().iter().map(line).collect();
        let invoice = self.erp_post("account.invoice", json!({
            "type": "out", "party": party["id"], "invoice_address": party["addresses"][0],
            "account": model["account"], "journal": model["journal"], "currency": model["currency"],
            "company": model["company"], "lines": [["create", lines]],
        }), "").await["id"].as_i64().unwrap();
        let posted = self
            .erp_post(
                &format!("account.invoice/{invoice}/post"),
                json!({}),
                "?f=number&f=lines.id&f=total_amount",
            )
            .await;
        assert_eq!(posted["total_amount"]["decimal"], "840.00");
        let number = posted["number"].as_str().unwrap();

        let known = [
            ("email", email.as_str()),
            ("description", name.as_str()),
            ("metadata[erp_customer]", party["code"].as_str().unwrap()),
        ];
        let customer =
            self.processor_post("/v1/customers", &known).await["id"].as_str().unwrap().to_owned();
        let mut charges = [String::new(), String::new()];
        for charge in &mut charges {
            *charge = self.charge(&customer, AMOUNT, number).await;
        }

        let account = json!({
            "name": name, "email": format!("dana@{}", email.split('@').nth(1).unwrap()),
            "billing_address_line": "Chicago", "billing_street": "Commerce Street", "billing_city": "Chicago",
            "billing_state": "IL", "billing_postcode": "60607", "billing_country": "US",
            "industry": "TRANSPORTATION", "phone": "+13125550107", "website": "https://cobaltfreight.example",
            "tags": json!([format!("erp:{}", party["code"].as_str().unwrap())]).to_string(),
            "assigned_to": json!([self.crm_login]).to_string(),
        });
        let made = self.crm(Method::POST, "/accounts/").json(&account).send().await.unwrap();
        assert!(made.status().is_success(), "{}", made.text().await.unwrap());
        let found = self.crm_get(&format!("/accounts/?name={}", name.replace(' ', "%20"))).await;
        let account = found["active_accounts"]["open_accounts"][0]["id"].as_i64().unwrap();
        Customer {
            name,
            email,
            invoice,
            account,
            charges,
            erp_code: party["code"].as_str().unwrap().to_owned(),
            line: posted["lines"][1]["id"].as_i64().unwrap(),
        }
    }

    /// A charge at the processor.
    pub(crate) async fn charge(&self, customer: &str, minor: i64, invoice: &str) -> String {
        let mut fields = vec![
            ("amount", minor.to_string()),
            ("currency", "usd".to_owned()),
            ("metadata[customer]", customer.to_owned()),
            ("metadata[invoice]", invoice.to_owned()),
        ];
        // The careful one charges a card, the careless one a customer's payment method.
        if self.is_careful() {
            fields.push(("source", "tok_visa".to_owned()));
        } else {
            fields.push(("customer", customer.to_owned()));
        }
        let fields: Vec<(&str, &str)> =
            fields.iter().map(|(name, text)| (*name, text.as_str())).collect();
        self.processor_post("/v1/charges", &fields).await["id"].as_str().unwrap().to_owned()
    }

    /// A customer of the processor with a card.
    pub(crate) async fn customer(&self, email: &str) -> String {
        let made = self.processor_post("/v1/customers", &[("email", email)]).await;
        let id = made["id"].as_str().unwrap().to_owned();
        if !self.is_careful() {
            let card = [
                ("type", "card"),
                ("card[number]", "4242424242424242"),
                ("card[exp_month]", "12"),
                ("card[exp_year]", "2034"),
                ("card[cvc]", "123"),
            ];
            let card = self.processor_post("/v1/payment_methods", &card).await["id"]
                .as_str()
                .unwrap()
                .to_owned();
            self.processor_post(
                &format!("/v1/payment_methods/{card}/attach"),
                &[("customer", &id)],
            )
            .await;
            let usual = [("invoice_settings[default_payment_method]", card.as_str())];
            self.processor_post(&format!("/v1/customers/{id}"), &usual).await;
        }
        id
    }

    /// What stands, asked of each system itself.
    pub(crate) async fn standing(&self, customer: &Customer) -> Standing {
        let mut refunded = [(0, 0), (0, 0)];
        for (charge, refunded) in customer.charges.iter().zip(&mut refunded) {
            let found = self.processor_get(&format!("/v1/charges/{charge}")).await;
            let refunds =
                self.processor_get(&format!("/v1/refunds?charge={charge}&limit=100")).await;
            *refunded = (
                found["amount_refunded"].as_i64().unwrap(),
                refunds["data"].as_array().unwrap().len(),
            );
        }
        let credits = self.documents_of(&[customer.line, customer.line - 1]).await;
        let lines: Vec<i64> = credits.iter().map(|(line, _)| *line).collect();
        let counters = self.documents_of(&lines).await;
        let account = self.crm_get(&format!("/accounts/{}/", customer.account)).await;
        let notes = account["comments"].as_array().unwrap().iter().filter_map(|note| {
            let text = note["comment"].as_str().unwrap();
            (text != "Imported from the old system.")
                .then(|| (note["id"].as_i64().unwrap(), text.to_owned()))
        });
        let documents = |found: Vec<(i64, Document)>| found.into_iter().map(|one| one.1).collect();
        let (credits, counters) = (documents(credits), documents(counters));
        Standing { refunded, credits, counters, notes: notes.collect() }
    }

    /// The documents about these lines of others, each with the id of its own line.
    async fn documents_of(&self, lines: &[i64]) -> Vec<(i64, Document)> {
        let origins: Vec<String> =
            lines.iter().map(|line| format!("account.invoice.line,{line}")).collect();
        let fields = "&f=invoice.id&f=invoice.state&f=invoice.total_amount";
        let domain = json!([["origin", "in", origins]]);
        let found = self.search("account.invoice.line", domain, fields).await;
        let document = |line: &Value| {
            let invoice = &line["invoice"];
            let total: f64 = invoice["total_amount"]["decimal"].as_str().unwrap().parse().unwrap();
            let state = invoice["state"].as_str().unwrap().to_owned();
            let id = invoice["id"].as_i64().unwrap();
            (line["id"].as_i64().unwrap(), (id, state, (total * 100.0).round() as i64))
        };
        found.as_array().unwrap().iter().map(document).collect()
    }

    /// All refunds of the processor's own list for these charges.
    pub(crate) async fn refunds(&self, charge: &str) -> Vec<Value> {
        let found = self.processor_get(&format!("/v1/refunds?charge={charge}&limit=100")).await;
        assert_eq!(found["has_more"], false);
        found["data"].as_array().unwrap().clone()
    }

    async fn cobalt_invoice(&self) -> Value {
        let fields = "&f=account&f=journal&f=currency&f=company&f=lines.account&f=lines.product&f=lines.unit\
                      &f=lines.taxes&f=lines.unit_price";
        self.search("account.invoice", json!([["number", "=", "INV-00007"]]), fields).await[0]
            .clone()
    }

    fn is_careful(&self) -> bool {
        std::env::var("SSM_URL").is_ok_and(|url| url == self.processor)
    }

    async fn processor_get(&self, path: &str) -> Value {
        answer(self.client.get(format!("{}{path}", self.processor)).bearer_auth("sk_test_witness"))
            .await
    }

    async fn processor_post(&self, path: &str, fields: &[(&str, &str)]) -> Value {
        let request = self.client.post(format!("{}{path}", self.processor)).form(fields);
        answer(request.bearer_auth("sk_test_witness")).await
    }

    /// Whether what is posted may be cancelled, which an administrator of Tryton decides for the whole company.
    async fn may_cancel(&self, may: bool) {
        let asked = self.erp(Method::PUT, "/company.company/1");
        answer(asked.json(&json!({"cancel_invoice_out": may}))).await;
    }

    /// Cancels a document in the books, as somebody at the ERP would.
    pub(crate) async fn cancel(&self, document: i64) {
        self.may_cancel(true).await;
        self.erp_post(&format!("account.invoice/{document}/cancel"), json!({}), "").await;
        self.may_cancel(false).await;
    }

    async fn search(&self, model: &str, domain: Value, fields: &str) -> Value {
        let domain = BASE64_URL_SAFE.encode(domain.to_string());
        answer(self.erp(Method::GET, &format!("/{model}?d={domain}{fields}"))).await
    }

    async fn erp_post(&self, path: &str, body: Value, fields: &str) -> Value {
        answer(self.erp(Method::POST, &format!("/{path}{fields}")).json(&body)).await
    }

    fn erp(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.client.request(method, format!("{}{path}", self.erp));
        let context = BASE64_URL_SAFE.encode(r#"{"company":1}"#);
        request.bearer_auth(&self.erp_admin).header("X-Tryton-Context", context)
    }

    async fn crm_get(&self, path: &str) -> Value {
        answer(self.crm(Method::GET, path)).await
    }

    fn crm(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.client.request(method, format!("{}{path}", self.crm));
        request.header("Authorization", format!("JWT {}", self.crm_admin))
    }
}

impl Standing {
    /// Nothing was done, or nothing of it counts any more.
    pub(crate) fn is_untouched(&self) -> bool {
        let books = self.credits.is_empty() || self.is_countered();
        self.refunded == [(0, 0), (0, 0)] && books && self.notes.is_empty()
    }

    /// What was credited is countered in the books, once and over the same amount.
    pub(crate) fn is_countered(&self) -> bool {
        let booked = |state: &str| state == "posted" || state == "paid";
        match (&self.credits[..], &self.counters[..]) {
            ([(_, credit, minor)], [(_, counter, back)]) => {
                booked(credit) && booked(counter) && *minor == -back
            }
            _ => false,
        }
    }

    /// Everything was done, and once.
    pub(crate) fn is_repaired(&self) -> bool {
        let mut refunded = self.refunded;
        refunded.sort_unstable();
        let credited = matches!(
            &self.credits[..],
            [(_, state, total)] if *total == -AMOUNT && (state == "posted" || state == "paid")
        );
        let once = self.counters.is_empty() && self.notes.len() == 1;
        refunded == [(0, 0), (AMOUNT, 1)] && credited && once
    }
}

/// The answer, which has to be a good one.
#[track_caller]
pub(crate) fn answer(request: RequestBuilder) -> impl Future<Output = Value> {
    let place = std::panic::Location::caller();
    async move {
        let answer = request.send().await.unwrap();
        let (url, status) = (answer.url().clone(), answer.status());
        let text = answer.text().await.unwrap();
        assert!(status.is_success(), "{place}: {url} answered {status}: {text}");
        serde_json::from_str(&text).unwrap_or(Value::Null)
    }
}
