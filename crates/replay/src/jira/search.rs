//! JQL, as far as somebody needs it who looks for tickets of their own: clauses joined by AND.

use axum::http::StatusCode;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::shown::{self, account_id, issue, labels};
use super::{failure, project_key, queue};
use crate::counter::{Call, Reply};
use crate::ticket::{Face, Ticket};
use crate::world::World;

/// `/search/jql`, by GET or POST: `nextPageToken` and `isLast`, and nothing but ids unless fields are named.
pub(super) fn search(world: &World, call: &Call) -> Reply {
    let body = call.json().unwrap_or_default();
    let given = |name: &str| match &body[name] {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Array(list) => {
            let text = |it: &Value| it.as_str().map_or_else(|| it.to_string(), str::to_owned);
            Some(list.iter().map(text).collect::<Vec<_>>().join(","))
        }
        _ => call.param(name).map(str::to_owned),
    };
    let jql = given("jql").unwrap_or_default();
    let clauses = match clauses(&jql) {
        Ok(clauses) => clauses,
        Err(why) => return failure(StatusCode::BAD_REQUEST, &why),
    };
    let fresh = given("reconcileIssues").unwrap_or_default();
    let fresh: Vec<_> = fresh.split(',').filter_map(|id| id.trim().parse::<u64>().ok()).collect();
    let mut found = Vec::new();
    for ticket in world.tickets.values() {
        let now = ticket.face();
        let named =
            fresh.contains(&(shown::ISSUES_FROM + ticket.number)) && !now.deleted && !now.hidden;
        let face = if named { Some(now) } else { call.sees(ticket).map(|(face, _)| face) };
        let Some(face) = face else { continue };
        if clauses.iter().all(|clause| clause.holds(world, ticket, face)) {
            found.push((ticket, face));
        }
    }
    if order(&jql).is_some_and(|order| order.ends_with("DESC")) {
        found.reverse();
    }
    let begun = given("nextPageToken").and_then(|token| STANDARD.decode(token).ok());
    let begun =
        begun.and_then(|text| String::from_utf8(text).ok()?.parse::<usize>().ok()).unwrap_or(0);
    let size = given("maxResults").and_then(|size| size.parse().ok()).unwrap_or(50).clamp(1, 5000);
    let (total, fields) = (found.len(), given("fields"));
    let expand = given("expand").unwrap_or_default().contains("changelog");
    let page: Vec<_> = found.into_iter().skip(begun).take(size).collect();
    let end = begun + page.len();
    let issues: Vec<_> = page
        .into_iter()
        .map(|(ticket, face)| match &fields {
            Some(fields) => issue(world, call, ticket, face, fields, expand),
            None => json!({ "id": (shown::ISSUES_FROM + ticket.number).to_string() }),
        })
        .collect();
    let mut body = json!({ "issues": issues, "isLast": end >= total });
    if end < total {
        body["nextPageToken"] = json!(STANDARD.encode(end.to_string()));
    }
    Reply::json(StatusCode::OK, body)
}

struct Clause {
    field: String,
    not: bool,
    contains: bool,
    /// None is EMPTY.
    values: Option<Vec<String>>,
}

fn order(jql: &str) -> Option<String> {
    let upper = jql.to_uppercase();
    upper.find("ORDER BY").and_then(|at| upper.get(at..).map(str::to_owned))
}

fn clauses(jql: &str) -> Result<Vec<Clause>, String> {
    let end = jql.to_uppercase().find("ORDER BY").unwrap_or(jql.len());
    let text = jql.get(..end).unwrap_or_default().trim();
    if text.is_empty() {
        return Err("Unbounded JQL queries are not allowed here. Please add a search restriction to your query.".to_owned());
    }
    let mut clauses = Vec::new();
    let spaced = text.replace(" and ", " AND ");
    for part in spaced.split(" AND ") {
        clauses.push(clause(part.trim())?);
    }
    Ok(clauses)
}

fn clause(text: &str) -> Result<Clause, String> {
    let wrong = || format!("Error in the JQL Query: '{text}' is not understood.");
    let end = text.find(|it: char| it.is_whitespace() || "=!~<>".contains(it)).ok_or_else(wrong)?;
    let (field, rest) = text.split_at(end);
    let field = field.trim_matches('"').to_lowercase();
    let known = [
        "project",
        "labels",
        "key",
        "issuekey",
        "id",
        "status",
        "statuscategory",
        "assignee",
        "resolution",
        "summary",
    ];
    if !known.contains(&field.as_str()) && !field.starts_with("cf[") {
        return Err(format!(
            "Field '{field}' does not exist or you do not have permission to view it."
        ));
    }
    let rest = rest.trim();
    let lower = rest.to_lowercase();
    let plain = |text: &str| text.trim().trim_matches(|it| it == '"' || it == '\'').to_owned();
    let clause = |not, contains, values| Ok(Clause { field: field.clone(), not, contains, values });
    for (word, not) in
        [("is not empty", true), ("is empty", false), ("is not null", true), ("is null", false)]
    {
        if lower == word {
            return clause(not, false, None);
        }
    }
    for (word, not) in [("not in", true), ("in", false)] {
        if let Some(list) = lower.strip_prefix(word).and(rest.get(word.len()..)) {
            let list = list.trim().trim_start_matches('(').trim_end_matches(')');
            return clause(not, false, Some(list.split(',').map(plain).collect()));
        }
    }
    for (sign, not, contains) in
        [("!=", true, false), ("=", false, false), ("!~", true, true), ("~", false, true)]
    {
        if let Some(value) = rest.strip_prefix(sign) {
            return clause(not, contains, Some(vec![plain(value)]));
        }
    }
    Err(wrong())
}

impl Clause {
    fn holds(&self, world: &World, ticket: &Ticket, face: &Face) -> bool {
        let has = self.has(world, ticket, face);
        let Some(values) = &self.values else { return has.is_empty() != self.not };
        let means = |has: &String, wanted: &String| match self.contains {
            true => has.to_lowercase().contains(&wanted.to_lowercase()),
            false => has.eq_ignore_ascii_case(wanted),
        };
        let any = values.iter().any(|wanted| has.iter().any(|has| means(has, wanted)));
        let unresolved = self.field == "resolution" && has.is_empty();
        let any =
            any || unresolved && values.iter().any(|it| it.eq_ignore_ascii_case("unresolved"));
        any != self.not
    }

    /// What the field has, by all the names that one may give for it.
    fn has(&self, world: &World, ticket: &Ticket, face: &Face) -> Vec<String> {
        let (id, name, category) = shown::named(&face.status);
        match self.field.as_str() {
            "project" => {
                let project = queue(world, &face.queue);
                project
                    .map(|it| vec![project_key(it), it.name.clone(), shown::project_id(it)])
                    .unwrap_or_default()
            }
            "labels" => labels(face).into_iter().map(str::to_owned).collect(),
            "key" | "issuekey" => vec![shown::key(world, ticket, &face.queue)],
            "id" => vec![(shown::ISSUES_FROM + ticket.number).to_string()],
            "status" => vec![id.to_owned(), name],
            "statuscategory" => match category {
                "new" => vec!["new".to_owned(), "To Do".to_owned()],
                "done" => vec!["done".to_owned()],
                _ => vec!["indeterminate".to_owned(), "In Progress".to_owned()],
            },
            "assignee" => {
                face.holder.iter().filter_map(|it| world.people.get(it)).map(account_id).collect()
            }
            "resolution" => face.code.iter().cloned().collect(),
            "summary" => vec![face.subject.clone()],
            custom => {
                let number = custom.trim_start_matches("cf[").trim_end_matches(']');
                let field = format!("customfield_{number}");
                face.fields.get(&field).cloned().into_iter().collect()
            }
        }
    }
}
