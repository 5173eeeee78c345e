//! The counter at which requests come in: the same for all vendors, with its lies; what an answer looks like is the
//! vendor's.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Query, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::response::Response;
use bytes::Bytes;
use futures_util::stream;
use jiff::Timestamp;
use serde_json::Value;

use crate::lie::{Asked, Lie};
use crate::office::Shared;
use crate::people::{Person, Right};
use crate::ticket::{Entry, Face, Ticket};
use crate::world::World;

/// The longest request that is read.
const REQUEST_LENGTH_MAX: usize = 1024 * 1024;

/// How a vendor answers.
pub(crate) trait Vendor: Send + Sync + 'static {
    /// What a request asks for.
    fn asked(&self, call: &Call) -> Asked;
    /// Who asks, going by the credential.
    fn caller(&self, world: &World, call: &Call) -> Option<String>;
    /// How somebody is refused who is nobody.
    fn stranger(&self) -> Reply;
    /// How somebody is refused who may not do that.
    fn forbidden(&self, call: &Call) -> Reply;
    /// How somebody is asked to come back in so many seconds.
    fn throttled(&self, world: &World, seconds: u32) -> Reply;
    /// The headers by which the vendor says how much somebody may still ask.
    fn budget(&self, world: &World, reply: Reply) -> Reply;
    /// Success with prose that says it was refused.
    fn prose(&self, call: &Call) -> Reply;
    /// Success with nothing in it, where there is no such ticket.
    fn nothing(&self) -> Reply;
    /// The answer.
    fn serve(&self, world: &mut World, call: &Call, by: &str) -> Reply;
}

/// A request.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) method: Method,
    /// The parts of the path, decoded.
    pub(crate) path: Vec<String>,
    pub(crate) query: Vec<(String, String)>,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    /// Scheme and host, as whoever asks knows them.
    pub(crate) base: String,
    pub(crate) asked: Asked,
    /// As of when it is answered.
    pub(crate) as_of: Timestamp,
    /// Nothing is said of what happened.
    pub(crate) no_history: bool,
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Option<Value>,
    /// The body instead, if it is no JSON.
    pub(crate) text: Option<String>,
}

/// Serves an office in the way of a vendor.
pub(crate) fn router(office: Shared, vendor: impl Vendor) -> Router {
    Router::new().fallback(attend).with_state((office, Arc::new(vendor) as Arc<dyn Vendor>))
}

async fn attend(
    State((office, vendor)): State<(Shared, Arc<dyn Vendor>)>,
    request: Request,
) -> Response {
    let Some(mut call) = Call::read(request).await else { return broken() };
    call.asked = vendor.asked(&call);
    let (wait, before) = office.look(|world| meet(world, &call));
    if !wait.is_zero() {
        tokio::time::sleep(wait).await;
    }
    match before {
        Some(Before::Broken) => return broken(),
        Some(Before::Down(status)) => {
            return Reply::text(status, "temporarily unavailable").into_response();
        }
        None => {}
    }
    let (reply, after) = office.look(|world| {
        let reply = answer(world, &*vendor, &mut call);
        let lost = world.told(call.asked, &Lie::LosesAnswer).then_some(After::Lost);
        let after =
            lost.or_else(|| world.told(call.asked, &Lie::Garbles).then_some(After::Garbled));
        (reply, after)
    });
    match after {
        Some(After::Lost) => broken(),
        Some(After::Garbled) => {
            let whole = reply.body.map(|body| body.to_string()).unwrap_or_default();
            // JSON of this crate's own making is cut between characters.
            let half = whole.chars().take(whole.chars().count() / 2).collect::<String>();
            let mut reply = Reply::text(reply.status, &half);
            reply.headers = vec![("content-type", "application/json".to_owned())];
            reply.into_response()
        }
        None => reply.into_response(),
    }
}

enum Before {
    Broken,
    Down(StatusCode),
}

enum After {
    Lost,
    Garbled,
}

/// How long an answer takes, and what comes of it if that does not depend on the answer.
fn meet(world: &mut World, call: &Call) -> (Duration, Option<Before>) {
    *world.tally.entry(format!("{:?}", call.asked).to_lowercase()).or_default() += 1;
    let slow = world.lying(call.asked, |lie| match lie {
        Lie::Slow(wait) => Some(*wait),
        _ => None,
    });
    let down = world.lying(call.asked, |lie| match lie {
        Lie::Down(status) => StatusCode::from_u16(*status).ok().map(Before::Down),
        Lie::Unreachable => Some(Before::Broken),
        _ => None,
    });
    (slow.unwrap_or_default(), down)
}

fn answer(world: &mut World, vendor: &dyn Vendor, call: &mut Call) -> Reply {
    let refused = world.told(call.asked, &Lie::RefusesCredential);
    if refused {
        call.headers.remove(header::AUTHORIZATION);
        call.query.retain(|(name, _)| name != "token" && name != "key");
        call.body = Bytes::new();
    }
    let Some(by) = vendor.caller(world, call) else { return vendor.stranger() };
    let told = world.lying(call.asked, |lie| match lie {
        Lie::Throttles(seconds) => Some(*seconds),
        _ => None,
    });
    if let Some(seconds) = told.or_else(|| world.count()) {
        return vendor.throttled(world, seconds);
    }
    let needed = match call.asked {
        Asked::Create => Some(Right::Create),
        Asked::Read | Asked::Search => Some(Right::Read),
        Asked::History => Some(Right::History),
        Asked::People => Some(Right::People),
        Asked::Comment => Some(Right::Comment),
        Asked::Change => Some(Right::Write),
        Asked::Other => None,
    };
    let rights = world.people.get(&by).map(|person| &person.rights);
    if needed.is_some_and(|right| !rights.is_some_and(|rights| rights.contains(&right))) {
        return vendor.forbidden(call);
    }
    if world.told(call.asked, &Lie::RefusesInProse) {
        return vendor.prose(call);
    }
    call.no_history = world.told(call.asked, &Lie::HidesHistory);
    call.as_of = world.as_of(call.asked);
    let mut reply = vendor.serve(world, call, &by);
    if reply.status == StatusCode::NOT_FOUND
        && call.asked == Asked::Read
        && world.told(call.asked, &Lie::Empty)
    {
        reply = vendor.nothing();
    }
    let left_out = world.lying(call.asked, |lie| match lie {
        Lie::LeavesOut(fields) => Some(fields.clone()),
        _ => None,
    });
    if let (Some(fields), Some(body)) = (left_out, &mut reply.body) {
        leave_out(body, &fields);
    }
    vendor.budget(world, reply)
}

fn leave_out(value: &mut Value, fields: &[String]) {
    match value {
        Value::Object(object) => {
            fields.iter().for_each(|field| {
                object.remove(field);
            });
            object.values_mut().for_each(|value| leave_out(value, fields));
        }
        Value::Array(array) => array.iter_mut().for_each(|value| leave_out(value, fields)),
        _ => {}
    }
}

/// Headers, and then the connection breaks.
fn broken() -> Response {
    let error = || Err::<Bytes, _>(io::Error::from(io::ErrorKind::ConnectionReset));
    let mut response = Response::new(Body::from_stream(stream::iter([error()])));
    response.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from_static("64"));
    response
}

impl Call {
    async fn read(request: Request) -> Option<Self> {
        let (parts, body) = request.into_parts();
        let body = to_bytes(body, REQUEST_LENGTH_MAX).await.ok()?;
        let query = Query::<Vec<(String, String)>>::try_from_uri(&parts.uri).ok()?.0;
        let path = parts.uri.path().split('/').filter(|part| !part.is_empty());
        let host = parts.headers.get(header::HOST).and_then(|host| host.to_str().ok());
        let base = format!("http://{}", host.unwrap_or("office.example"));
        Some(Self {
            method: parts.method,
            path: path.map(decoded).collect(),
            query,
            headers: parts.headers,
            body,
            base,
            asked: Asked::Other,
            as_of: Timestamp::UNIX_EPOCH,
            no_history: false,
        })
    }

    /// The parts of the path.
    pub(crate) fn parts(&self) -> Vec<&str> {
        self.path.iter().map(String::as_str).collect()
    }

    /// A parameter of the query.
    pub(crate) fn param(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// A number from the query.
    pub(crate) fn number(&self, name: &str) -> Option<usize> {
        self.param(name)?.parse().ok()
    }

    /// A header.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The body, if it is JSON.
    pub(crate) fn json(&self) -> Option<Value> {
        serde_json::from_slice(&self.body).ok()
    }

    /// What is shown of a ticket: how it looked and what had been done to it by then; nothing if it is gone.
    pub(crate) fn sees<'a>(&self, ticket: &'a Ticket) -> Option<(&'a Face, &'a [Entry])> {
        let face = ticket.face_at(self.as_of).filter(|face| !face.deleted && !face.hidden)?;
        let history = if self.no_history { &[] } else { ticket.history_at(self.as_of) };
        Some((face, history))
    }
}

impl World {
    /// Who has this login and secret now.
    pub(crate) fn known(&self, name: &str, secret: &str) -> Option<&Person> {
        self.people.get(name).filter(|person| self.accepts(person, secret))
    }

    /// Who has this secret now.
    pub(crate) fn bearer(&self, secret: &str) -> Option<&Person> {
        self.people.values().find(|person| self.accepts(person, secret))
    }

    fn accepts(&self, person: &Person, secret: &str) -> bool {
        person.enabled
            && person.secret.as_deref() == Some(secret)
            && person.expires.is_none_or(|expires| self.now < expires)
    }
}

impl Reply {
    /// JSON.
    pub(crate) fn json(status: StatusCode, body: Value) -> Self {
        Self { status, headers: Vec::new(), body: Some(body), text: None }
    }

    /// Anything else.
    pub(crate) fn text(status: StatusCode, text: &str) -> Self {
        Self { status, headers: Vec::new(), body: None, text: Some(text.to_owned()) }
    }

    /// Nothing.
    pub(crate) fn empty(status: StatusCode) -> Self {
        Self { status, headers: Vec::new(), body: None, text: None }
    }

    /// And a header.
    pub(crate) fn with(mut self, name: &'static str, value: impl ToString) -> Self {
        self.headers.push((name, value.to_string()));
        self
    }

    fn into_response(self) -> Response {
        let (kind, body) = match (self.body, self.text) {
            (Some(body), _) => {
                (Some("application/json;charset=UTF-8"), Body::from(body.to_string()))
            }
            (None, Some(text)) => (Some("text/html;charset=UTF-8"), Body::from(text)),
            (None, None) => (None, Body::empty()),
        };
        let mut response = Response::new(body);
        *response.status_mut() = self.status;
        if let Some(kind) = kind {
            response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
        }
        for (name, value) in self.headers {
            if let Ok(value) = HeaderValue::from_str(&value) {
                response.headers_mut().insert(HeaderName::from_static(name), value);
            }
        }
        response
    }
}

/// A part of a path without its percent signs.
fn decoded(part: &str) -> String {
    let mut bytes = Vec::with_capacity(part.len());
    let mut at = 0;
    while let Some(byte) = part.as_bytes().get(at) {
        let pair = part.get(at + 1..at + 3).and_then(|hex| u8::from_str_radix(hex, 16).ok());
        let (byte, length) = match pair {
            Some(value) if *byte == b'%' => (value, 3),
            _ => (*byte, 1),
        };
        bytes.push(byte);
        at += length;
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
