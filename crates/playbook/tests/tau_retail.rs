//! The shop's playbook against real tasks: every right write is let through and proven by its read-back, and with each
//! rule of the policy broken in turn, the write is stopped by that rule.
//!
//! The tasks are not part of this repository. Where they are absent these tests say so and skip.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};

use belay_domain::{
    AgentId, ContractId, Epoch, Provenance, ReadBack, Ruling, Source, Timestamp, Verdict,
};
use belay_playbook::{Answer, CaseFacts, Playbook, ProposalFacts, Reads, Usage};
use serde_json::{Value, json};

const WRITES: [(&str, &str); 7] = [
    ("cancel_pending_order", "orders-1"),
    ("modify_pending_order_address", "orders-1"),
    ("modify_pending_order_payment", "orders-1"),
    ("modify_pending_order_items", "orders-1"),
    ("return_delivered_order_items", "returns-1"),
    ("exchange_delivered_order_items", "returns-1"),
    ("modify_user_address", "accounts-1"),
];

/// Three recorded writes are not right, and the policy says why: the money of an order paid by credit card goes to
/// PayPal (the recording goes on with "the agent cannot help"); a pending order is exchanged as if it were delivered
/// (the recording goes on with the right write); a gift card of 17.00 is to cover 21.10.
const AGAINST_THE_POLICY: [(u64, &str); 3] =
    [(12, "refund-to-original-or-gift-card"), (64, "order-delivered"), (106, "gift-card-covers")];

#[test]
fn every_right_write_goes_through_and_is_proven() {
    let Some(tasks) = tasks() else { return };
    let (mut writes, mut stopped) = (0, Vec::new());
    for task in &tasks {
        let mut shop = Shop::open();
        for action in task["actions"].as_array().expect("a list") {
            let Some(attempt) = Attempt::of(task, action) else { continue };
            if let Ruling::Deny(reasons) = attempt.decide(&shop).ruling {
                stopped.extend(reasons.into_iter().map(|it| (task["task"].clone(), it.name)));
                continue;
            }
            assert_eq!(attempt.judge(&shop), ReadBack::NotApplied, "before {action}");
            shop.write(attempt.tool, &attempt.input);
            let proof = attempt.judge(&shop);
            assert!(matches!(proof, ReadBack::Applied { .. }), "{proof:?} after {action}");
            writes += 1;
        }
    }
    println!("{writes} right writes of {} tasks went through", tasks.len());
    let expected = AGAINST_THE_POLICY.map(|(task, rule)| (json!(task), rule.to_owned()));
    assert_eq!(stopped, expected);
    assert_eq!(writes, 89);
}

#[test]
fn every_broken_rule_is_stopped_by_its_name() {
    let Some(tasks) = tasks() else { return };
    let mut stopped: BTreeMap<&str, usize> = BTreeMap::new();
    for task in &tasks {
        let mut shop = Shop::open();
        for action in task["actions"].as_array().expect("a list") {
            let Some(right) = Attempt::of(task, action) else { continue };
            for (rule, attempt, world) in right.wrong_variants(&shop) {
                let verdict = attempt.decide(&world);
                let Ruling::Deny(reasons) = &verdict.ruling else {
                    panic!("{rule} was broken and {:?} in {action}", verdict.ruling);
                };
                let named: Vec<String> = reasons
                    .iter()
                    .map(|reason| format!("{} {}{}", reason.rule, reason.name, reason.field))
                    .collect();
                assert!(
                    named.iter().any(|name| name == rule),
                    "{rule} is not in {named:?} of {action}"
                );
                *stopped.entry(rule).or_default() += 1;
            }
            shop.write(right.tool, &right.input);
        }
    }
    for (rule, count) in &stopped {
        println!("{count:4} stopped by {rule}");
    }
    assert_eq!(stopped.len(), 26, "a rule was never broken: {:?}", stopped.keys());
}

/// One write that an agent proposes.
#[derive(Clone)]
struct Attempt {
    tool: &'static str,
    agent: &'static str,
    customer: String,
    input: Value,
    sources: BTreeMap<String, Source>,
}

impl Attempt {
    fn of(task: &Value, action: &Value) -> Option<Self> {
        let name = action["name"].as_str()?;
        let (tool, agent) = WRITES.into_iter().find(|(tool, _)| *tool == name)?;
        let customer = Shop::open().authenticated(task)?;
        let mut input = action["kwargs"].clone();
        input["user_id"] = json!(customer);
        input["confirmed"] = json!(true);
        let fields = input.as_object()?.keys().cloned();
        let mut sources: BTreeMap<_, _> = fields.map(|field| (field, Source::Customer)).collect();
        sources.insert("user_id".to_owned(), Source::VerifiedChannel);
        Some(Self { tool, agent, customer, input, sources })
    }

    fn contract(&self) -> ContractId {
        format!("shop.{}@1", self.tool).parse().expect("an id")
    }

    fn facts(&self) -> CaseFacts {
        CaseFacts {
            tenant: "shop".parse().expect("an id"),
            id: "c-1".parse().expect("an id"),
            kind: "modify".to_owned(),
            severity: None,
            channel: "chat".to_owned(),
            customer: self.customer.clone(),
            subject: String::new(),
            labels: Vec::new(),
        }
    }

    fn decide(&self, shop: &Shop) -> Verdict {
        let (contract, facts) = (self.contract(), self.facts());
        let agent: AgentId = self.agent.parse().expect("an id");
        let input = self.input.to_string();
        let mut reads = Reads::default();
        loop {
            let open = PLAYBOOK.reads(&contract, &input, &facts, &reads);
            if open.is_empty() {
                break;
            }
            for read in open {
                reads.add(&read, shop.read(&read.path));
            }
        }
        let provenance: Vec<(String, Provenance)> = self
            .sources
            .iter()
            .map(|(field, source)| {
                let provenance = Provenance { source: *source, reference: "chat".to_owned() };
                (format!("/{field}"), provenance)
            })
            .collect();
        PLAYBOOK.assess(&ProposalFacts {
            case: &facts,
            epoch: Epoch::default(),
            agent: &agent,
            contract: &contract,
            input: &input,
            provenance: &provenance,
            reads: &reads,
            usage: &Usage::new(),
            now: Timestamp::UNIX_EPOCH,
            duplicate: None,
            heard: None,
            outside_text: true,
        })
    }

    fn judge(&self, shop: &Shop) -> ReadBack {
        let (contract, facts, input) = (self.contract(), self.facts(), self.input.to_string());
        let read = PLAYBOOK.verification(&contract, &input, &facts).expect("it is declared");
        PLAYBOOK.judge_readback(&contract, &input, &facts, &shop.read(&read.path))
    }

    /// The same write with one rule of the policy broken: the rule, the write, and the world in which it is tried.
    fn wrong_variants(&self, shop: &Shop) -> Vec<(&'static str, Self, Shop)> {
        let mut variants = Vec::new();
        let mut input = |rule, change: &dyn Fn(&mut Value)| {
            let mut wrong = self.clone();
            change(&mut wrong.input);
            variants.push((rule, wrong, shop.clone()));
        };
        let gift = |shop: &Shop| {
            let methods = shop.users[&self.customer]["payment_methods"].as_object().cloned();
            let mut methods = methods.unwrap_or_default().into_values();
            methods.find(|method| method["source"] == "gift_card")
        };
        input("precondition confirmed/confirmed", &|it| it["confirmed"] = json!(false));
        input("precondition same-user/user_id", &|it| it["user_id"] = json!("noah_brown_6181"));
        if self.input.get("payment_method_id").is_some() {
            input("precondition payment-exists/payment_method_id", &|it| {
                it["payment_method_id"] = json!("credit_card_0000000");
            });
        }
        if self.tool == "cancel_pending_order" {
            input("precondition reason-allowed/reason", &|it| it["reason"] = json!("too late"));
        }
        if self.input.get("order_id").is_some() {
            input("precondition order-exists", &|it| it["order_id"] = json!("#W0000000"));
        } else {
            input("schema required", &|it| {
                it.as_object_mut().map(|it| it.remove("zip"));
            });
        }
        if self.input.get("item_ids").is_some() {
            input("precondition items-of-order/item_ids", &|it| {
                it["item_ids"][0] = json!("0000000000");
            });
        }
        if self.input.get("new_item_ids").is_some() {
            input("precondition counts-equal/new_item_ids", &|it| {
                it["new_item_ids"].as_array_mut().expect("a list").push(json!("1"));
            });
            input("precondition same-product/new_item_ids", &|it| {
                it["new_item_ids"][0] = json!("0000000000");
            });
        }
        if self.tool == "modify_pending_order_items" {
            input("precondition different-option/new_item_ids", &|it| {
                it["new_item_ids"][0] = it["item_ids"][0].clone();
            });
        }
        let mut made_up = |rule, field: &str| {
            let mut wrong = self.clone();
            if wrong.sources.insert(field.to_owned(), Source::Model).is_some() {
                variants.push((rule, wrong, shop.clone()));
            }
        };
        made_up("provenance model/user_id", "user_id");
        made_up("provenance model/confirmed", "confirmed");
        made_up("provenance model/reason", "reason");
        made_up("provenance model/item_ids", "item_ids");
        let mut other = self.clone();
        other.agent = if self.agent == "orders-1" { "returns-1" } else { "orders-1" };
        let boundary =
            if self.agent == "orders-1" { "boundary returns" } else { "boundary orders" };
        variants.push((boundary, other, shop.clone()));

        let Some(order) = self.input["order_id"].as_str() else { return variants };
        let mut world = |rule, wrong: Self, change: &dyn Fn(&mut Value)| {
            let mut shop = shop.clone();
            change(changed(&mut shop.orders, order));
            variants.push((rule, wrong, shop));
        };
        world("precondition own-order/order_id", self.clone(), &|order| {
            order["user_id"] = json!("noah_brown_6181");
        });
        if self.agent == "orders-1" {
            world("precondition order-pending/order_id", self.clone(), &|order| {
                order["status"] = json!("processed");
            });
            world("precondition not-modified-before/order_id", self.clone(), &|order| {
                order["status"] = json!("pending (item modified)");
            });
        } else {
            world("precondition order-delivered/order_id", self.clone(), &|order| {
                order["status"] = json!("pending");
            });
            world("precondition not-returned-before/order_id", self.clone(), &|order| {
                order["status"] = json!("return requested");
            });
            world("precondition not-exchanged-before/order_id", self.clone(), &|order| {
                order["status"] = json!("exchange requested");
            });
        }
        if self.tool == "modify_pending_order_payment" {
            let mut same = self.clone();
            same.input["payment_method_id"] =
                shop.orders[order]["payment_history"][0]["payment_method_id"].clone();
            world("precondition payment-differs/payment_method_id", same, &|_| {});
        }
        if self.tool == "return_delivered_order_items" {
            let source = |id: &str| {
                shop.users[&self.customer]["payment_methods"][id]["source"] != "gift_card"
            };
            let paid = &shop.orders[order]["payment_history"][0]["payment_method_id"];
            let methods = shop.users[&self.customer]["payment_methods"].as_object();
            let third = methods.expect("methods").keys().find(|id| *id != paid && source(id));
            if let Some(third) = third {
                let mut wrong = self.clone();
                wrong.input["payment_method_id"] = json!(third);
                let rule = "precondition refund-to-original-or-gift-card/payment_method_id";
                world(rule, wrong, &|_| {});
            }
        }
        if self.input.get("new_item_ids").is_some() {
            self.prices(shop, gift(shop), &mut variants);
        }
        variants
    }

    /// The new item is not available, or the gift card does not cover what it costs.
    fn prices(
        &self,
        shop: &Shop,
        gift: Option<Value>,
        variants: &mut Vec<(&'static str, Self, Shop)>,
    ) {
        let new = self.input["new_item_ids"][0].as_str().expect("an item").to_owned();
        let variant = |change: &dyn Fn(&mut Value)| {
            let mut shop = shop.clone();
            for product in shop.products.values_mut() {
                if product["variants"].get(&new).is_some() {
                    change(&mut Arc::make_mut(product)["variants"][&new]);
                }
            }
            shop
        };
        let gone = variant(&|variant| variant["available"] = json!(false));
        variants.push(("precondition available/new_item_ids", self.clone(), gone));
        if let Some(gift) = gift {
            let mut wrong = self.clone();
            wrong.input["payment_method_id"] = gift["id"].clone();
            let dear = variant(&|variant| variant["price"] = json!(99_999.99));
            variants.push(("precondition gift-card-covers/payment_method_id", wrong, dear));
        }
    }
}

/// Shared until they are changed, because a test changes one record at a time.
type Records = BTreeMap<String, Arc<Value>>;

/// The shop's records. Checks nothing.
#[derive(Clone)]
struct Shop {
    orders: Records,
    users: Records,
    products: Records,
}

impl Shop {
    fn open() -> Self {
        static DATA: LazyLock<Shop> = LazyLock::new(|| {
            let read = |name: &str| {
                let text = std::fs::read_to_string(data().join(name)).expect("the data is there");
                serde_json::from_str::<BTreeMap<String, Value>>(&text)
                    .expect("the data is JSON")
                    .into_iter()
                    .map(|(id, record)| (id, Arc::new(record)))
                    .collect()
            };
            Shop {
                orders: read("orders.json"),
                users: read("users.json"),
                products: read("products.json"),
            }
        });
        DATA.clone()
    }

    /// The user that the task's own search finds, by e-mail or by name and zip code. That is who is helped, whatever
    /// the task says of itself.
    fn authenticated(&self, task: &Value) -> Option<String> {
        let actions = task["actions"].as_array()?.iter();
        let mut searches = actions.filter(|action| {
            action["name"].as_str().is_some_and(|name| name.starts_with("find_user_id"))
        });
        let fits = |user: &Value, asked: &Value| match asked.get("email") {
            Some(email) => user["email"] == *email,
            None => {
                ["first_name", "last_name"].iter().all(|part| user["name"][*part] == asked[*part])
                    && user["address"]["zip"] == asked["zip"]
            }
        };
        let found = searches.find_map(|search| {
            let mut users = self.users.iter();
            users.find(|(_, user)| fits(user, &search["kwargs"])).map(|(id, _)| id.clone())
        });
        found.or_else(|| task["user_id"].as_str().map(str::to_owned))
    }

    fn read(&self, path: &str) -> Answer {
        let mut parts = path.trim_start_matches('/').splitn(2, '/');
        let (kind, id) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        let id = id.replace("%23", "#");
        let record = match kind {
            "orders" => self.orders.get(&id),
            "users" => self.users.get(&id),
            _ => self.products.get(&id),
        };
        record.map_or(Answer::Missing, |record| Answer::Found(record.as_ref().clone()))
    }

    fn write(&mut self, tool: &str, input: &Value) {
        let address = ["address1", "address2", "city", "state", "country", "zip"]
            .map(|field| (field.to_owned(), input[field].clone()));
        let address = Value::Object(address.into_iter().collect());
        let user = input["user_id"].as_str().expect("a user");
        let Some(order) = input["order_id"].as_str() else {
            changed(&mut self.users, user)["address"] = address;
            return;
        };
        let order = changed(&mut self.orders, order);
        let (method, items) = (input["payment_method_id"].clone(), input["item_ids"].clone());
        match tool {
            "cancel_pending_order" => {
                order["status"] = json!("cancelled");
                order["cancel_reason"] = input["reason"].clone();
            }
            "modify_pending_order_address" => order["address"] = address,
            "modify_pending_order_payment" => {
                let history = order["payment_history"].as_array_mut().expect("a history");
                let before = history[0].clone();
                history.push(json!({"transaction_type": "payment", "amount": before["amount"],
                    "payment_method_id": method}));
                history.push(json!({"transaction_type": "refund", "amount": before["amount"],
                    "payment_method_id": before["payment_method_id"]}));
            }
            "modify_pending_order_items" => {
                order["status"] = json!("pending (item modified)");
                let pairs = items.as_array().expect("items").iter();
                for (old, new) in pairs.zip(input["new_item_ids"].as_array().expect("items")) {
                    let all = order["items"].as_array_mut().expect("items");
                    let item = all.iter_mut().find(|item| item["item_id"] == *old);
                    item.expect("the item is there")["item_id"] = new.clone();
                }
                let history = order["payment_history"].as_array_mut().expect("a history");
                history.push(json!({"transaction_type": "payment", "amount": 0,
                    "payment_method_id": method}));
            }
            "return_delivered_order_items" => {
                order["status"] = json!("return requested");
                order["return_items"] = items;
                order["return_payment_method_id"] = method;
            }
            _ => {
                order["status"] = json!("exchange requested");
                order["exchange_items"] = items;
                order["exchange_new_items"] = input["new_item_ids"].clone();
                order["exchange_payment_method_id"] = method;
            }
        }
    }
}

fn changed<'a>(records: &'a mut Records, id: &str) -> &'a mut Value {
    Arc::make_mut(records.get_mut(id).expect("the record is there"))
}

static PLAYBOOK: LazyLock<Playbook> = LazyLock::new(|| {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../playbooks/retail");
    Playbook::load(&folder).unwrap_or_else(|problems| panic!("{problems}"))
});

fn tasks() -> Option<Vec<Value>> {
    let Ok(text) = std::fs::read_to_string(data().join("tasks.json")) else {
        println!("SKIPPED: {} is absent", data().display());
        return None;
    };
    Some(serde_json::from_str(&text).expect("the tasks are JSON"))
}

fn data() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/tau-retail")
}
