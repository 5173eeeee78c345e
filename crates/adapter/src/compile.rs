//! From YAML to a description: hold it against its form, compile every expression and template, and report all that is
//! wrong at once, each with its line and what to do.

use std::time::Duration;

use belay_expression::document::Document;
use belay_expression::expression::{Expression, FUNCTIONS, References};
use belay_expression::json;
use belay_expression::problem::{Problem, Problems, suggest};
use belay_expression::template::{Body, Template};
use serde_json::Value;

use crate::description::{
    Accounts, ActCase, Ask, Auth, Create, Description, ErrorCase, Inspect, List, Pace, Prove, Read,
    Statements, Withdraw,
};
use crate::exchange::Method;
use crate::format::{
    AuthScheme, CheckName, DescriptionFile, InspectRule, ListRule, ProveRule, ReadRule,
    RequestRule, StatementsRule, What,
};

/// What every expression sees, and the types that it may ask for.
const COMMON: [&str; 7] = ["fields", "ourselves", "bool", "int", "list", "map", "string"];

/// What an expression about one answer sees besides.
const OF_ANSWER: [&str; 8] =
    ["answer", "headers", "status", "item", "items", "seen", "page", "links"];

/// Compiles a description.
pub(crate) fn compile(file: &str, text: &str) -> Result<Description, Problems> {
    let failed = |problems| Err(Problems::of(problems).unwrap_or_else(Problems::unexplained));
    let document = match Document::parse(file, text) {
        Ok(document) => document,
        Err(problem) => return failed(vec![problem]),
    };
    let differences = Description::form().differences(&document);
    if !differences.is_empty() {
        return failed(differences);
    }
    let written: DescriptionFile = match serde_json::from_value(document.value.clone()) {
        Ok(written) => written,
        Err(error) => {
            let remedy = "compare it with the published schema".to_owned();
            let (file, what) = (file.to_owned(), error.to_string());
            return failed(vec![Problem { file, line: 0, column: 0, what, remedy }]);
        }
    };
    let mut work = Work { document: &document, problems: Vec::new() };
    let description = work.description(text, written);
    match Problems::of(work.problems) {
        None => Ok(description),
        Some(problems) => Err(problems),
    }
}

struct Work<'a> {
    document: &'a Document,
    problems: Vec<Problem>,
}

impl Work<'_> {
    fn description(&mut self, text: &str, file: DescriptionFile) -> Description {
        let errors = file.errors.iter().enumerate().map(|(index, rule)| {
            let at = format!("/errors/{index}");
            let seen = ["status", "headers", "answer"];
            ErrorCase {
                when: self.expression(&format!("{at}/when"), &rule.when, &seen),
                is: rule.is,
                detail: rule
                    .detail
                    .as_ref()
                    .map(|detail| self.expression(&format!("{at}/detail"), detail, &seen)),
            }
        });
        let errors = errors.collect();
        let accounts = Accounts {
            keys: self.expressions("/accounts/keys", &file.accounts.keys, &["account"]),
            name: self.expression("/accounts/name", &file.accounts.name, &["account"]),
            kind: self.expression("/accounts/kind", &file.accounts.kind, &["account"]),
        };
        if file.auth.scheme == AuthScheme::Oauth2 && file.auth.token_path.is_none() {
            self.wrong("/auth", "it is not said where a token is asked for", "add token_path");
        }
        if file.pace.per_minute == 0 {
            self.wrong("/pace/per_minute", "nothing could be asked", "write 1 at least");
        }
        let writes = file.create.requests.iter().filter(|ask| changes(ask)).count();
        if writes != 1 {
            let what = format!("{writes} requests of create change something");
            self.wrong(
                "/create/requests",
                what,
                "exactly one has to, or nobody knows what is done",
            );
        }
        let create_seen = ["case", "correlation", "queue", "subject", "text", "severity"];
        let (asks, names) = self.asks("/create/requests", &file.create.requests, &create_seen);
        let id = self.expression("/create/id", &file.create.id, &seen(&create_seen, &names));
        Description {
            errors,
            accounts,
            headers: self.templates("/headers", &file.headers, &[]),
            inspect: self.inspect(&file.inspect),
            find: self.list("/find", &file.find, &["correlation"]),
            create: Create { asks, id },
            read: self.read(&file.read),
            statements: file.statements.as_ref().map(|rule| self.statements(rule)),
            ours: file.ours.as_ref().map(|rule| self.list("/ours", rule, &["begin", "queues"])),
            withdraw: file.withdraw.as_ref().map(|rule| {
                let seen = ["ticket", "record", "note"];
                Withdraw {
                    comment: self.asks("/withdraw/comment", &rule.comment, &seen).0,
                    close: self.asks("/withdraw/close", &rule.close, &seen).0,
                }
            }),
            prove: file.prove.as_ref().map(|rule| self.prove(rule)),
            written: text.to_owned(),
            name: file.name,
            sources: file.sources,
            auth: Auth {
                scheme: file.auth.scheme,
                header: file.auth.header.unwrap_or_else(|| "Authorization".to_owned()),
                prefix: file.auth.prefix,
                token_path: file.auth.token_path,
            },
            pace: Pace {
                every: Duration::from_secs(60) / file.pace.per_minute.max(1),
                burst: file.pace.burst.max(1),
                retry_after: lower(file.pace.retry_after),
                remaining: file.pace.remaining.map(|name| name.to_ascii_lowercase()),
                resets_in: lower(file.pace.resets_in.into_iter().collect()),
            },
            settles_within: Duration::from_secs(file.settles_within.into()),
            fields: file.fields,
            machines: file.machines.into_iter().collect(),
            never_in_ids: file.never_in_ids,
            statuses: file.statuses,
        }
    }

    fn inspect(&mut self, rule: &InspectRule) -> Inspect {
        let (asks, names) = self.asks("/inspect/requests", &rule.requests, &["queue"]);
        let all = seen(&["queue"], &names);
        let member = seen(&["queue", "member"], &names);
        Inspect {
            asks,
            exists: self.expression("/inspect/exists", &rule.exists, &all),
            enabled: self.expression("/inspect/enabled", &rule.enabled, &all),
            accounts: self.expression("/inspect/accounts", &rule.accounts, &all),
            members: self.expression("/inspect/members", &rule.members, &all),
            member: self.expression("/inspect/member", &rule.member, &member),
            member_enabled: self.expression(
                "/inspect/member_enabled",
                &rule.member_enabled,
                &member,
            ),
            member_may_take: self.expression(
                "/inspect/member_may_take",
                &rule.member_may_take,
                &member,
            ),
            member_on_shift: self.expression(
                "/inspect/member_on_shift",
                &rule.member_on_shift,
                &member,
            ),
        }
    }

    fn list(&mut self, at: &str, rule: &ListRule, sees: &[&str]) -> List {
        let (asks, names) = self.asks(&format!("{at}/requests"), &rule.requests, sees);
        let all = seen(sees, &names);
        let one: Vec<&str> = all.iter().copied().chain(["found"]).collect();
        let mut expression =
            |name: &str, text: &str, sees| self.expression(&format!("{at}/{name}"), text, sees);
        List {
            asks,
            tickets: expression("tickets", &rule.tickets, &all),
            id: expression("id", &rule.id, &one),
            correlation: expression("correlation", &rule.correlation, &one),
            case: expression("case", &rule.case, &one),
            queue: expression("queue", &rule.queue, &one),
            holder: expression("holder", &rule.holder, &one),
            subject: expression("subject", &rule.subject, &one),
            priority: expression("priority", &rule.priority, &one),
            next: expression("next", &rule.next, &all),
        }
    }

    fn read(&mut self, rule: &ReadRule) -> Read {
        let (asks, names) = self.asks("/read/requests", &rule.requests, &["wanted"]);
        let all = seen(&["wanted"], &names);
        let one = seen(&["wanted", "ticket", "queue", "correlation"], &names);
        let with = |more: &[&'static str]| -> Vec<&str> {
            one.iter().copied().chain(more.iter().copied()).collect()
        };
        let (record, known) = (with(&["record"]), with(&["record", "history"]));
        let entry = with(&["record", "history", "entry"]);
        let acts = rule.acts.iter().enumerate().map(|(index, act)| {
            let at = format!("/read/acts/{index}");
            if (act.what == What::Holder) != act.to.is_some() {
                self.wrong(&at, "only holder says to whom", "give to with holder, and only then");
            }
            ActCase {
                when: self.expression(&format!("{at}/when"), &act.when, &entry),
                what: act.what,
                to: act.to.as_ref().map(|text| self.expression(&format!("{at}/to"), text, &entry)),
            }
        });
        let acts = acts.collect();
        let mut expression =
            |name: &str, text: &str, sees| self.expression(&format!("/read/{name}"), text, sees);
        Read {
            at_once: rule.at_once,
            asks,
            acts,
            accounts: expression("accounts", &rule.accounts, &all),
            record: expression("record", &rule.record, &one),
            history: expression("history", &rule.history, &record),
            id: expression("id", &rule.id, &known),
            case: expression("case", &rule.case, &known),
            correlation: expression("correlation", &rule.correlation, &known),
            queue: expression("queue", &rule.queue, &known),
            status: expression("status", &rule.status, &known),
            merged_into: expression("merged_into", &rule.merged_into, &known),
            revision: expression("revision", &rule.revision, &known),
            holder: expression("holder", &rule.holder, &known),
            by: expression("by", &rule.by, &entry),
            closed_by: expression("resolution/by", &rule.resolution.by, &known),
            code: expression("resolution/code", &rule.resolution.code, &known),
            note: expression("resolution/note", &rule.resolution.note, &known),
            links: expression("resolution/links", &rule.resolution.links, &known),
        }
    }

    fn statements(&mut self, rule: &StatementsRule) -> Statements {
        if let Some(index) = rule.requests.iter().position(changes) {
            let at = format!("/statements/requests/{index}");
            self.wrong(&at, "reading what was said changes something", "read it only");
        }
        let (asks, names) = self.asks("/statements/requests", &rule.requests, &["ticket"]);
        let all = seen(&["ticket"], &names);
        let one = seen(&["ticket", "statement"], &names);
        let mut expression = |name: &str, text: &str, sees: &[&str]| {
            self.expression(&format!("/statements/{name}"), text, sees)
        };
        Statements {
            asks,
            accounts: expression("accounts", &rule.accounts, &all),
            said: expression("said", &rule.said, &all),
            id: expression("id", &rule.id, &one),
            by: expression("by", &rule.by, &one),
            sure: expression("sure", &rule.sure, &one),
            text: expression("text", &rule.text, &one),
        }
    }

    fn prove(&mut self, rule: &ProveRule) -> Prove {
        let (asks, names) = self.asks("/prove/requests", &rule.requests, &["queue"]);
        let all = seen(&["queue"], &names);
        let checks = rule.checks.iter().enumerate().map(|(index, check)| {
            let at = format!("/prove/checks/{index}");
            if check.check == CheckName::StatusesMapped {
                let remedy = "give the statuses of the system as statuses";
                self.wrong(&at, "Belay compares the statuses itself", remedy);
            }
            let held = self.expression(&format!("{at}/held"), &check.held, &all);
            (check.check, held, check.remedy.clone())
        });
        let checks = checks.collect();
        let statuses = self.expression("/prove/statuses", &rule.statuses, &all);
        Prove { asks, statuses, checks }
    }

    /// The requests, and the names that they add to what is seen.
    fn asks(&mut self, at: &str, rules: &[RequestRule], sees: &[&str]) -> (Vec<Ask>, Vec<String>) {
        let (mut asks, mut names) = (Vec::new(), Vec::new());
        for (index, rule) in rules.iter().enumerate() {
            let at = format!("{at}/{index}");
            let before = seen(sees, &names);
            let asked: Vec<&str> = before.iter().copied().chain(["item", "page"]).collect();
            let answered: Vec<&str> = before.iter().copied().chain(OF_ANSWER).collect();
            if before.contains(&rule.name.as_str()) || OF_ANSWER.contains(&rule.name.as_str()) {
                let what = format!("{} means something already", rule.name);
                self.wrong(&format!("{at}/name"), what, "give it another name");
            }
            if rule.next.is_some() && rule.items.is_none() {
                self.wrong(&at, "pages without a list", "say with items where the list is");
            }
            if rule.each.is_some() && changes(rule) {
                self.wrong(&at, "a change may not be repeated", "leave out each");
            }
            let again = rule.kept_while.is_some() || rule.conditional;
            if again && changes(rule) {
                self.wrong(
                    &at,
                    "a change has no answer of last time",
                    "leave it to what only reads",
                );
            }
            if rule.conditional && rule.method != Method::Get {
                self.wrong(&at, "only a GET can be conditional", "leave out conditional");
            }
            let ask = self.ask(&at, rule, [&before, &asked, &answered]);
            asks.push(ask);
            names.push(rule.name.clone());
            names.push(format!("status_{}", rule.name));
            names.push(format!("headers_{}", rule.name));
        }
        (asks, names)
    }

    fn ask(
        &mut self,
        at: &str,
        rule: &RequestRule,
        [before, asked, answered]: [&[&str]; 3],
    ) -> Ask {
        if !rule.path.starts_with('/') {
            self.wrong(&format!("{at}/path"), "it is no path", "begin with /");
        }
        let query = rule.query.iter().map(|(name, text)| {
            let place = json::child(&format!("{at}/query"), name);
            (name.clone(), self.body(&place, &Value::from(text.as_str()), asked))
        });
        let query = query.collect();
        let body = rule.body.as_ref().map(|body| self.body(&format!("{at}/body"), body, asked));
        let mut expression = |name: &str, text: &Option<String>, sees: &[&str]| {
            let text = text.as_ref()?;
            Some(self.expression(&format!("{at}/{name}"), text, sees))
        };
        Ask {
            query,
            body,
            when: expression("when", &rule.when, before),
            each: expression("each", &rule.each, before),
            kept_while: expression("kept_while", &rule.kept_while, asked),
            expect: expression("expect", &rule.expect, answered),
            items: expression("items", &rule.items, answered),
            next: expression("next", &rule.next, answered),
            path: self.template(&format!("{at}/path"), &rule.path, asked),
            headers: self.templates(&format!("{at}/headers"), &rule.headers, asked),
            name: rule.name.clone(),
            method: rule.method,
            changes: changes(rule),
            conditional: rule.conditional,
            optional: rule.optional,
            tolerate: rule.tolerate.clone(),
            empty: rule.empty,
            pages_max: rule.pages_max.max(1),
        }
    }

    fn templates(
        &mut self,
        at: &str,
        texts: &std::collections::BTreeMap<String, String>,
        sees: &[&str],
    ) -> Vec<(String, Template)> {
        let one = |(name, text): (&String, &String)| {
            (name.clone(), self.template(&json::child(at, name), text, sees))
        };
        texts.iter().map(one).collect()
    }

    fn template(&mut self, at: &str, text: &str, sees: &[&str]) -> Template {
        let template = Template::compile(text).unwrap_or_else(|what| {
            self.wrong(at, what, "write values as {{ expression }}");
            Template::compile("").unwrap_or_else(|_| unreachable!("nothing is a template"))
        });
        let found: Vec<References> = template.expressions().map(Expression::references).collect();
        self.known(at, &found, sees);
        template
    }

    fn body(&mut self, at: &str, value: &Value, sees: &[&str]) -> Body {
        let body = Body::compile(value).unwrap_or_else(|(pointer, what)| {
            self.wrong(&format!("{at}{pointer}"), what, "write values as {{ expression }}");
            Body::Fixed(Value::Null)
        });
        let found: Vec<References> =
            body.expressions().into_iter().map(Expression::references).collect();
        self.known(at, &found, sees);
        body
    }

    fn expressions(&mut self, at: &str, texts: &[String], sees: &[&str]) -> Vec<Expression> {
        let one =
            |(index, text): (usize, &String)| self.expression(&format!("{at}/{index}"), text, sees);
        texts.iter().enumerate().map(one).collect()
    }

    fn expression(&mut self, at: &str, text: &str, sees: &[&str]) -> Expression {
        match Expression::compile(text) {
            Ok(expression) => {
                self.known(at, &[expression.references()], sees);
                expression
            }
            Err(what) => {
                self.wrong(at, what, "write an expression in CEL");
                Expression::compile("null").unwrap_or_else(|_| unreachable!("null is one"))
            }
        }
    }

    /// Complains about names that mean nothing where they stand.
    fn known(&mut self, at: &str, found: &[References], sees: &[&str]) {
        for references in found {
            for name in references.paths.iter().filter_map(|path| path.first()) {
                if !sees.contains(&name.as_str()) && !COMMON.contains(&name.as_str()) {
                    let known = sees.iter().copied().chain(COMMON);
                    let remedy = suggest(name, known);
                    self.wrong(at, format!("{name} means nothing here"), remedy);
                }
            }
            for function in &references.functions {
                if !FUNCTIONS.contains(&function.as_str()) {
                    let remedy = suggest(function, FUNCTIONS.iter().copied());
                    self.wrong(at, format!("there is no function {function}"), remedy);
                }
            }
        }
    }

    fn wrong(&mut self, at: &str, what: impl Into<String>, remedy: impl Into<String>) {
        let place = self.document.place(at);
        self.problems.push(Problem {
            file: self.document.file.clone(),
            line: place.line,
            column: place.column,
            what: what.into(),
            remedy: remedy.into(),
        });
    }
}

fn changes(rule: &RequestRule) -> bool {
    rule.method != Method::Get && !rule.safe
}

fn lower(names: Vec<String>) -> Vec<String> {
    names.into_iter().map(|name| name.to_ascii_lowercase()).collect()
}

fn seen<'n>(sees: &[&'n str], names: &'n [String]) -> Vec<&'n str> {
    sees.iter().copied().chain(names.iter().map(String::as_str)).collect()
}
