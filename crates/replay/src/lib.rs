//! Stand-ins for the systems in which people are reached: ServiceNow, Jira Service Management, Zendesk, PagerDuty and
//! GoAlert, as far as somebody who asks for help needs them.
//!
//! All of them serve one [`Office`]: its queues, its people, and its tickets with their history. What happens in it
//! is scripted with [`Deed`]s, and the ways in which its systems mislead with [`Lie`]s, so one script plays on every
//! vendor. The shapes of requests, answers and errors are made from what the vendors publish, with the source named
//! where it is followed; `tests/recorded` holds their own examples, and a stand-in is held against them.
//!
//! For tests only. It keeps no secret, reads no clock of its own and draws no random number, so that the same script
//! plays the same way each time.

mod counter;
mod deed;
mod goalert;
mod incidents;
mod jira;
mod lie;
mod office;
mod pager_duty;
mod people;
mod service_now;
mod ticket;
mod world;
mod zendesk;

pub use deed::{Deed, Edit, Script, Which};
pub use goalert::{integration_key as goalert_key, router as goalert};
pub use incidents::{Incident, Incidents, IncidentsError, Row, Step};
pub use jira::{CORRELATION_FIELD as JIRA_CORRELATION_FIELD, router as jira};
pub use lie::{Asked, Lie, Limit, Told};
pub use office::{Clock, Office, Shared};
pub use pager_duty::router as pager_duty;
pub use people::{Kind, Person, Queue, Right};
pub use service_now::router as service_now;
pub use ticket::{Change, Entry, Face, Field, Status, Ticket, Via};
pub use zendesk::{RESOLUTION_FIELD as ZENDESK_RESOLUTION_FIELD, router as zendesk};
