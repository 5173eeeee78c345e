//! ServiceNow, through its Table API: incident, sys_user, sys_user_group, sys_user_grmember, sys_user_has_role,
//! sys_audit, sys_journal_field, sys_choice and cmn_rota, and the question who is on call.
//!
//! Made from the product documentation, release Australia: "Table API" (`c_TableAPI`), "REST APIs" (`c_RESTAPI`),
//! "REST API HTTP response codes" and "Inbound REST API rate limiting", as published in ServiceNow/ServiceNowDocs on
//! GitHub. The wording of refusals (401, 403, 404) and the columns of sys_audit and sys_journal_field are those which
//! public clients were written against (demisto/content, Packs/ServiceNow; ansible-collections/servicenow.itsm).
//! `whoisoncall` is called as gravitational/teleport does and answers what "OnCallRotation" shows of the method of
//! that name. Not everything is here: no attachments, no XML, no
//! aggregates, and no domain separation.
//!
//! Three of its habits are easy to overlook. A condition on a column that does not exist is ignored, so a misspelt
//! search finds everything. A value that a reference column does not know is dropped without a word. And what an
//! account may not read is left out of a list after the limit was applied, while `X-Total-Count` counts it.

mod columns;
mod ids;
mod query;
mod rows;
mod write;

#[cfg(test)]
mod tests;

use axum::Router;
use axum::http::{Method, StatusCode};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use crate::counter::{self, Call, Reply, Vendor};
use crate::lie::Asked;
use crate::office::Shared;
use crate::world::World;
use columns::Cell;
use ids::Table;
use query::Query;
use rows::Row;

/// How many rows are answered when nobody says how many ("Table API", `sysparm_limit`).
const ROWS_DEFAULT: usize = 10_000;

/// Serves an office as a ServiceNow instance would.
pub fn router(office: Shared) -> Router {
    counter::router(office, ServiceNow)
}

struct ServiceNow;

/// Where a request goes.
enum Place<'a> {
    Rows { table: &'a str, v1: bool },
    Row { table: &'a str, id: &'a str },
    OnCall,
    Nowhere,
}

fn place<'a>(path: &[&'a str]) -> Place<'a> {
    match path {
        ["api", "now", "table", table] | ["api", "now", "v2", "table", table] => {
            Place::Rows { table, v1: false }
        }
        ["api", "now", "v1", "table", table] => Place::Rows { table, v1: true },
        ["api", "now", "table", table, id] | ["api", "now", "v1" | "v2", "table", table, id] => {
            Place::Row { table, id }
        }
        ["api", "now", "on_call_rota", "whoisoncall"] => Place::OnCall,
        _ => Place::Nowhere,
    }
}

impl Vendor for ServiceNow {
    fn asked(&self, call: &Call) -> Asked {
        let table = match place(&call.parts()) {
            Place::Rows { table, .. } | Place::Row { table, .. } => Table::named(table),
            Place::OnCall => return Asked::People,
            Place::Nowhere => None,
        };
        let one = matches!(place(&call.parts()), Place::Row { .. });
        match (table, &call.method) {
            (Some(Table::Incident), &Method::GET) if one => Asked::Read,
            // Naming rows by their ids is reading them, many at once.
            (Some(Table::Incident), &Method::GET) if by_id(call) => Asked::Read,
            (Some(Table::Incident), &Method::GET) => Asked::Search,
            (Some(Table::Incident), &Method::POST) => Asked::Create,
            (Some(Table::Incident), &Method::PATCH | &Method::PUT) => write::asked(call),
            (Some(Table::Incident), _) => Asked::Change,
            (Some(Table::Audit | Table::Journal), _) => Asked::History,
            (Some(_), _) => Asked::People,
            (None, _) => Asked::Other,
        }
    }

    fn caller(&self, world: &World, call: &Call) -> Option<String> {
        let known = call.header("authorization").and_then(|header| {
            let (scheme, rest) = header.split_once(' ')?;
            if scheme.eq_ignore_ascii_case("bearer") {
                return world.bearer(rest);
            }
            let text = String::from_utf8(STANDARD.decode(rest).ok()?).ok()?;
            let (name, secret) = text.split_once(':')?;
            world.known(name, secret).filter(|_| scheme.eq_ignore_ascii_case("basic"))
        });
        known.map(|person| person.name.clone())
    }

    fn stranger(&self) -> Reply {
        let detail = "Required to provide Auth information";
        failure(StatusCode::UNAUTHORIZED, "User Not Authenticated", Some(detail))
            .with("www-authenticate", "BASIC realm=\"Service-now\"")
    }

    fn forbidden(&self, call: &Call) -> Reply {
        let (message, detail) = match call.asked {
            Asked::Create => {
                ("Operation Failed", "ACL Exception Insert Failed due to security constraints")
            }
            Asked::Comment | Asked::Change => {
                ("Operation Failed", "ACL Exception Update Failed due to security constraints")
            }
            _ => ("User Not Authorized", "Failed API level ACL Validation"),
        };
        failure(StatusCode::FORBIDDEN, message, Some(detail))
    }

    fn throttled(&self, world: &World, seconds: u32) -> Reply {
        let requests = world.limit.map_or(0, |limit| limit.requests);
        let detail = format!("Rate limit of {requests} requests per hour for Table API exceeded");
        let status = StatusCode::TOO_MANY_REQUESTS;
        let reply = failure(status, "Rate limit exceeded", Some(&detail));
        self.budget(world, reply.with("retry-after", seconds))
    }

    fn budget(&self, world: &World, reply: Reply) -> Reply {
        let Some((limit, _, resets)) = world.budget() else { return reply };
        reply
            .with("x-ratelimit-limit", limit.requests)
            .with("x-ratelimit-reset", world.now.as_second() + i64::from(resets))
            .with("x-ratelimit-rule", Table::Rule.id(1))
    }

    fn prose(&self, _: &Call) -> Reply {
        let page = "<html><head><title>Instance Hibernating page</title></head><body>Your instance \
                    is hibernating. The request was not processed.</body></html>";
        Reply::text(StatusCode::OK, page)
    }

    fn nothing(&self) -> Reply {
        Reply::json(StatusCode::OK, json!({ "result": {} }))
    }

    fn serve(&self, world: &mut World, call: &Call, by: &str) -> Reply {
        let path = call.parts();
        let table = match place(&path) {
            Place::Rows { table, .. } | Place::Row { table, .. } => table,
            Place::OnCall => return on_call(world, call),
            Place::Nowhere => {
                let detail = "Requested URI does not represent any resource";
                return failure(StatusCode::BAD_REQUEST, detail, Some(detail));
            }
        };
        let Some(table) = Table::named(table) else {
            let message = format!("Invalid table {table}");
            return failure(StatusCode::BAD_REQUEST, &message, None);
        };
        match (place(&path), &call.method) {
            (Place::Rows { v1, .. }, &Method::GET) => list(world, call, table, v1),
            (Place::Row { id, .. }, &Method::GET) => one(world, call, table, id),
            (Place::Rows { .. }, &Method::POST) if table == Table::Incident => {
                write::create(world, call, by)
            }
            (Place::Row { id, .. }, &Method::PATCH | &Method::PUT) if table == Table::Incident => {
                write::update(world, call, by, id)
            }
            (Place::Row { id, .. }, &Method::DELETE) if table == Table::Incident => {
                write::delete(world, call, by, id)
            }
            _ => failure(StatusCode::METHOD_NOT_ALLOWED, "Method not supported", None),
        }
    }
}

fn by_id(call: &Call) -> bool {
    let query = call.param("sysparm_query").map(Query::parse);
    query.is_some_and(|query| query.one_of("sys_id").is_some())
}

/// An error, as all of the API's look.
fn failure(status: StatusCode, message: &str, detail: Option<&str>) -> Reply {
    let error = json!({ "message": message, "detail": detail });
    Reply::json(status, json!({ "error": error, "status": "failure" }))
}

fn missing() -> Reply {
    let detail = "Record doesn't exist or ACL restricts the record retrieval";
    failure(StatusCode::NOT_FOUND, "No Record found", Some(detail))
}

fn one(world: &World, call: &Call, table: Table, id: &str) -> Reply {
    let query = Query::parse(&format!("sys_id={id}"));
    match rows::rows(world, call, table, &query).first() {
        Some(row) => Reply::json(StatusCode::OK, json!({ "result": shown(world, call, row) })),
        None => missing(),
    }
}

fn list(world: &World, call: &Call, table: Table, v1: bool) -> Reply {
    let query = match call.param("sysparm_query") {
        Some(query) => Query::parse(query),
        // Pairs of a name and a value are a query, too, if there is no other.
        None => Query::pairs(call.query.iter().filter(|(name, _)| !name.starts_with("sysparm_"))),
    };
    let mut found = rows::rows(world, call, table, &query);
    found.retain(|row| query.holds(world, row));
    query.order(world, &mut found);
    let (total, offset) = (found.len(), call.number("sysparm_offset").unwrap_or(0));
    let limit = call.number("sysparm_limit").unwrap_or(ROWS_DEFAULT).max(1);
    let page = found.iter().skip(offset).take(limit);
    let hidden = call.no_history && call.asked == Asked::History;
    let result: Vec<_> = page.filter(|_| !hidden).map(|row| shown(world, call, row)).collect();
    if v1 && result.is_empty() {
        return missing();
    }
    let mut reply = Reply::json(StatusCode::OK, json!({ "result": result }));
    if call.param("sysparm_no_count") != Some("true") {
        reply = reply.with("x-total-count", total);
    }
    if call.param("sysparm_suppress_pagination_header") != Some("true") && total > limit {
        reply = reply.with("link", links(call, total, offset, limit));
    }
    reply
}

/// The pages around this one ("Table API", response headers).
fn links(call: &Call, total: usize, offset: usize, limit: usize) -> String {
    let encoded = |text: &str| {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
        let mut out = String::new();
        for byte in text.bytes() {
            match plain(byte) {
                true => out.push(char::from(byte)),
                false => out.push_str(&format!("%{byte:02X}")),
            }
        }
        out
    };
    let others =
        call.query.iter().filter(|(name, _)| name != "sysparm_offset" && name != "sysparm_limit");
    let others: String =
        others.map(|(name, value)| format!("{}={}&", encoded(name), encoded(value))).collect();
    let at = |offset: usize, rel: &str| {
        let (base, path) = (&call.base, call.path.join("/"));
        let page = format!("sysparm_limit={limit}&sysparm_offset={offset}");
        format!("<{base}/{path}?{others}{page}>;rel=\"{rel}\"")
    };
    let mut links = vec![at(0, "first")];
    if offset > 0 {
        links.push(at(offset.saturating_sub(limit), "prev"));
    }
    if offset + limit < total {
        links.push(at(offset + limit, "next"));
    }
    links.push(at((total - 1) / limit * limit, "last"));
    links.join(",")
}

/// A row in the form that was asked for.
fn shown(world: &World, call: &Call, row: &Row<'_>) -> Value {
    let fields: Vec<String> = match call.param("sysparm_fields").filter(|fields| !fields.is_empty())
    {
        Some(fields) => fields.split(',').map(|field| field.trim().to_owned()).collect(),
        None => row.fields(),
    };
    let mut record = Map::new();
    for field in fields {
        if let Some(cell) = row.walk(world, &field) {
            record.insert(field, formed(call, cell));
        }
    }
    Value::Object(record)
}

fn formed(call: &Call, cell: Cell) -> Value {
    let links = call.param("sysparm_exclude_reference_link") != Some("true");
    let link = cell
        .table
        .filter(|_| !cell.value.is_empty())
        .map(|table| format!("{}/api/now/table/{}/{}", call.base, table.name(), cell.value));
    let (value, shown) = (cell.value, cell.shown);
    match (call.param("sysparm_display_value"), link.filter(|_| links)) {
        (Some("true"), Some(link)) => json!({ "display_value": shown, "link": link }),
        (Some("true"), None) => json!(shown),
        (Some("all"), Some(link)) => {
            json!({ "display_value": shown, "link": link, "value": value })
        }
        (Some("all"), None) => json!({ "display_value": shown, "value": value }),
        (_, Some(link)) => json!({ "link": link, "value": value }),
        (_, None) => json!(value),
    }
}

/// Who is on call now, by group or by rota.
fn on_call(world: &World, call: &Call) -> Reply {
    let named = |name| call.param(name).unwrap_or_default().split(',').filter(|id| !id.is_empty());
    let groups: Vec<_> = named("group_ids").collect();
    let rotas: Vec<_> = named("rota_ids").collect();
    let mut result = Vec::new();
    for queue in world.queues.values().filter(|queue| queue.rota && queue.enabled) {
        let (group, rota) = (Table::Group.id(queue.serial), Table::Rota.id(queue.serial));
        let wanted = groups.contains(&group.as_str()) || rotas.contains(&rota.as_str());
        let all = groups.is_empty() && rotas.is_empty();
        if !wanted && !all {
            continue;
        }
        let on_duty = queue.members.iter().filter(|member| member.on_duty);
        for (order, member) in on_duty.enumerate() {
            let Some(person) = world.people.get(&member.person) else { continue };
            result.push(json!({
                "memberId": Table::Member.id(member.serial),
                "memberIds": [],
                "userId": Table::User.id(person.serial),
                "userIds": [],
                "roster": Table::Rota.id(queue.serial),
                "rota": rota,
                "group": group,
                "escalationGroups": [],
                "deviceId": "",
                "deviceIds": [],
                "isDevice": false,
                "order": order + 1,
                "isOverride": false,
                "rotationScheduleId": "",
                "memberScheduleId": "",
            }));
        }
    }
    Reply::json(StatusCode::OK, json!({ "result": result }))
}
