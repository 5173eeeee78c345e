//! Requests one after the other, page after page, each built from what was answered before.

use belay_expression::expression::{Expression, Scope};
use belay_expression::json;
use belay_expression::template::{Body, Template};
use serde_json::{Value, json};

use crate::description::{Ask, Description};
use crate::exchange::{Answer, Request, Trouble};
use crate::judge::{Heard, judge};

/// The most items of one request that is asked for each of them. Tickets are read at most so many together, and a
/// queue with more members is no queue.
const EACH_MAX: usize = 1_000;

/// The most entries of one list, over all its pages.
const ITEMS_MAX: usize = 20_000;

/// A list of requests, being asked.
pub(crate) struct Dialog<'a> {
    description: &'a Description,
    asks: &'a [Ask],
    at: usize,
    pub(crate) scope: Scope,
    open: Option<Open>,
}

/// The request that is being asked.
struct Open {
    /// For what it is asked, and how far it has come; none if it is asked once.
    each: Option<(Vec<Value>, usize)>,
    /// The answers for the items before.
    answers: Vec<Value>,
    page: Value,
    pages: u32,
    gathered: Vec<Value>,
}

impl<'a> Dialog<'a> {
    pub(crate) fn new(description: &'a Description, asks: &'a [Ask], scope: Scope) -> Self {
        Self { description, asks, at: 0, scope, open: None }
    }

    /// The next request; none when all are answered.
    pub(crate) fn next(&mut self) -> Result<Option<Request>, Trouble> {
        while let Some(ask) = self.asks.get(self.at) {
            if let Some(open) = &self.open {
                let item = open.each.as_ref().and_then(|(items, index)| items.get(*index));
                self.scope.set("item", item.unwrap_or(&Value::Null));
                self.scope.set("page", &open.page);
                return self.request(ask).map(Some);
            }
            if let Some(when) = &ask.when
                && !when.holds(&self.scope).map_err(|why| at(ask, "when", &why))?
            {
                self.skip(ask, Value::Null);
                continue;
            }
            let each = match &ask.each {
                None => None,
                Some(each) => Some((list(each, &self.scope, &format!("{}.each", ask.name))?, 0)),
            };
            if each.as_ref().is_some_and(|(items, _)| items.len() > EACH_MAX) {
                return Err(Trouble::not_understood(format!("{}: too many to ask for", ask.name)));
            }
            if each.as_ref().is_some_and(|(items, _)| items.is_empty()) {
                self.skip(ask, Value::Array(Vec::new()));
                continue;
            }
            let (answers, gathered) = (Vec::new(), Vec::new());
            self.open = Some(Open { each, answers, page: Value::Null, pages: 0, gathered });
        }
        Ok(None)
    }

    /// Takes the answer to the request that was last given out.
    pub(crate) fn hear(&mut self, answer: &Answer) -> Result<(), Trouble> {
        let (Some(ask), Some(mut open)) = (self.asks.get(self.at), self.open.take()) else {
            return Err(Trouble::not_understood("an answer came that nobody had asked for"));
        };
        self.scope.set(&format!("status_{}", ask.name), &Value::from(answer.status));
        self.scope.set(&format!("headers_{}", ask.name), &answer.header_values());
        let mut value = match judge(self.description, ask, answer, &mut self.scope)? {
            Heard::Nothing => Value::Null,
            Heard::Value(value) => value,
        };
        if let (Some(items), false) = (&ask.items, value.is_null()) {
            let found = list(items, &self.scope, &format!("{}.items", ask.name))?;
            open.pages += 1;
            let next = self.next_page(ask, &open, &found)?;
            open.gathered.extend(found);
            if !next.is_null() && next == open.page {
                let detail = format!("{}: the next page is the same again", ask.name);
                return Err(Trouble::not_understood(detail));
            }
            if open.gathered.len() > ITEMS_MAX || (!next.is_null() && open.pages >= ask.pages_max) {
                let detail = format!("{}: the list goes on for too long", ask.name);
                return Err(Trouble::not_understood(detail));
            }
            if !next.is_null() {
                open.page = next;
                self.open = Some(open);
                return Ok(());
            }
            value = Value::Array(std::mem::take(&mut open.gathered));
        }
        match open.each.take() {
            None => self.settle(ask, value),
            Some((items, index)) => {
                let item = items.get(index).cloned().unwrap_or_default();
                open.answers.push(json!({ "item": item, "answer": value }));
                if index + 1 == items.len() {
                    self.settle(ask, Value::Array(open.answers));
                } else {
                    open.each = Some((items, index + 1));
                    (open.page, open.pages) = (Value::Null, 0);
                    self.open = Some(open);
                }
            }
        }
        Ok(())
    }

    fn next_page(&mut self, ask: &Ask, open: &Open, found: &[Value]) -> Result<Value, Trouble> {
        let Some(next) = &ask.next else { return Ok(Value::Null) };
        self.scope.set("items", &Value::from(found.to_vec()));
        self.scope.set("seen", &Value::from(open.gathered.len() + found.len()));
        self.scope.set("page", &open.page);
        next.value(&self.scope).map_err(|why| at(ask, "next", &why))
    }

    /// What follows sees the answer by the request's name.
    fn settle(&mut self, ask: &Ask, value: Value) {
        self.scope.set(&ask.name, &value);
        self.open = None;
        self.at += 1;
    }

    /// Nothing is asked, so there is no status either.
    fn skip(&mut self, ask: &Ask, value: Value) {
        self.scope.set(&format!("status_{}", ask.name), &Value::Null);
        self.scope.set(&format!("headers_{}", ask.name), &Value::Null);
        self.settle(ask, value);
    }

    fn request(&self, ask: &Ask) -> Result<Request, Trouble> {
        let scope = &self.scope;
        let wrong = |place: &str, why: String| at(ask, place, &why);
        let mut query = Vec::new();
        for (name, value) in &ask.query {
            let value = value.render(scope).map_err(|why| wrong(name, why))?;
            let values = if let Value::Array(values) = value { values } else { vec![value] };
            for value in values {
                match value {
                    Value::Null => {}
                    Value::String(text) => query.push((name.clone(), text)),
                    Value::Bool(_) | Value::Number(_) => {
                        query.push((name.clone(), value.to_string()))
                    }
                    Value::Array(_) | Value::Object(_) => {
                        return Err(wrong(name, "it is no text".to_owned()));
                    }
                }
            }
        }
        let all = self.description.headers.iter().chain(&ask.headers);
        let header = |(name, value): &(String, Template)| {
            let value = value.header(scope).map_err(|why| wrong(name, why))?;
            Ok((name.clone(), value))
        };
        let body = ask.body.as_ref().map(|body: &Body| body.render(scope)).transpose();
        Ok(Request {
            method: ask.method,
            path: ask.path.address(scope).map_err(|why| wrong("path", why))?,
            query,
            headers: all.map(header).collect::<Result<_, Trouble>>()?,
            body: body.map_err(|why| wrong("body", why))?,
            changes: ask.changes,
            basis: match &ask.kept_while {
                None => None,
                Some(basis) => match basis.value(scope).map_err(|why| wrong("kept_while", why))? {
                    Value::Null => None,
                    // In one order: what an expression makes of a record has none of its own.
                    basis => Some(json::canonical(&basis)),
                },
            },
            conditional: ask.conditional,
        })
    }
}

/// The list that an expression gives.
pub(crate) fn list(
    expression: &Expression,
    scope: &Scope,
    what: &str,
) -> Result<Vec<Value>, Trouble> {
    match expression.value(scope) {
        Ok(Value::Array(items)) => Ok(items),
        Ok(_) => Err(Trouble::not_understood(format!("{what}: there is no list"))),
        Err(why) => Err(Trouble::not_understood(format!("{what}: {why}"))),
    }
}

fn at(ask: &Ask, place: &str, why: &str) -> Trouble {
    Trouble::not_understood(format!("{}.{place}: {why}", ask.name))
}
