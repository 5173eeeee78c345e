//! Real incidents of a ServiceNow instance, each as one escalation, in virtual time: the supervisor asks the group that
//! the incident was given to, over the ServiceNow adapter, and what people of that company did to it in 2016 happens
//! to the ticket.
//!
//! Beside Belay stands a client that goes by the ticket's status: what is no longer *New* is being worked on.

mod account;
mod duty;
mod playbook;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use belay_adapter::{Settings, built_in};
use belay_api::v1;
use belay_api::v1::case_service_client::CaseServiceClient;
use belay_connect::{HumanQueue, Itsm, ItsmConfig, RateLimit, SystemOfRecord};
use belay_domain::{SystemId, Timestamp};
use belay_journal::Driver;
use belay_playbook::Playbook;
use belay_replay::{Incidents, Office, Person, Shared};
use belay_supervisor::{Config, Outside, Supervisor, Surroundings};
use belay_transport::spiffe::TrustDomain;
use secrecy::SecretString;
use tokio::runtime::Builder;
use tokio::task::LocalSet;
use tokio::time::{Instant, sleep};

use crate::api::{self, Channel};
use crate::dice::Dice;
use crate::disk::SimDisk;
use crate::itsm::id;
pub use account::Account;
use duty::Duty;

/// The system that the incidents are in, and the one in which the duty manager is asked.
const SYSTEMS: [&str; 2] = ["servicenow", "duty"];

/// How Belay signs in.
const ACCOUNT: (&str, &str) = ("belay", "s3cret");

/// When the first incident begins, in virtual time.
const BEGINNING: &str = "2026-03-02T00:00:00Z";

/// The longest that is waited for the last incident.
const HORIZON: Duration = Duration::from_secs(60 * 24 * 3_600);

/// Plays these incidents, all at the same time.
pub fn play(incidents: &Incidents) -> Result<Account, String> {
    let directory = tempfile::tempdir().map_err(|error| error.to_string())?;
    let runtime = Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .map_err(|error| error.to_string())?;
    LocalSet::new().block_on(&runtime, within(incidents, directory.path()))
}

async fn within(incidents: &Incidents, directory: &Path) -> Result<Account, String> {
    let begun = Instant::now();
    let beginning: Timestamp = BEGINNING.parse().map_err(|_| "no beginning".to_owned())?;
    let now = move || {
        let micros = i64::try_from(begun.elapsed().as_micros()).unwrap_or(i64::MAX);
        belay_domain::after(beginning, belay_domain::Span::from_micros(micros))
    };
    let office = Office::new(Arc::new(now));
    incidents.staff(&office);
    office.join(Person::account(ACCOUNT.0, ACCOUNT.1));
    let folder = directory.join("playbook");
    let groups = playbook::write(&folder, incidents).map_err(|error| error.to_string())?;
    let playbook = Playbook::load(&folder).map_err(|problems| problems.to_string())?;
    let outside =
        Around { servicenow: Arc::new(servicenow(&office, &groups)?), duty: Arc::new(Duty::new()) };
    let mut config = Config::development(&directory.join("data"), &folder);
    // A thread of its own would not be waited for: time stands still only for what runs on this one.
    let disk = SimDisk::new(Dice::new(0), None, Arc::default());
    config.journal.driver = Driver::Inline(Arc::new(disk));
    let journal = Config::journal_in(&directory.join("data"));
    let surroundings = Surroundings {
        wall: Arc::new(now),
        outside: Arc::new(outside),
        playbook: Some(Arc::new(playbook)),
        ..Surroundings::default()
    };
    let supervisor =
        Supervisor::assemble(config, surroundings).await.map_err(|error| error.to_string())?;
    let domain = TrustDomain::new("belay.local").map_err(|error| error.to_string())?;
    let api: Channel = Channel::new(supervisor.api());
    let mut cases = CaseServiceClient::new(api::channel(&api, &domain, api::Who::Tool("intake")));
    let mut opened = Vec::new();
    for incident in &incidents.incidents {
        office.script(incident.script());
        let before = office.tickets().len();
        let asked = cases.open_case(playbook::request(incident, &groups)).await;
        let answer = asked.map_err(|status| format!("{}: {status}", incident.number))?;
        let summary = answer.into_inner().case.and_then(|case| case.summary);
        opened.push(summary.map(|summary| summary.id).unwrap_or_default());
        for _ in 0..120 {
            if office.tickets().len() > before {
                break;
            }
            sleep(Duration::from_millis(500)).await;
        }
    }
    while begun.elapsed() < HORIZON && any_open(&mut cases).await? {
        sleep(Duration::from_secs(6 * 3_600)).await;
    }
    drop(supervisor);
    account::taken(&journal, &office, incidents, &opened, now())
}

async fn any_open(cases: &mut CaseServiceClient<Channel>) -> Result<bool, String> {
    let states = vec![v1::CaseState::Open.into()];
    let filter = v1::CaseFilter { states, ..Default::default() };
    let request = v1::ListCasesRequest { filter: Some(filter), page_size: 1, ..Default::default() };
    let listed = cases.list_cases(request).await.map_err(|status| status.to_string())?;
    Ok(!listed.into_inner().cases.is_empty())
}

fn servicenow(office: &Shared, groups: &playbook::Groups) -> Result<Itsm, String> {
    let description = built_in("servicenow").ok_or("there is no description of ServiceNow")?;
    let config = ItsmConfig {
        base_url: "https://company.service-now.invalid".to_owned(),
        description,
        settings: Settings {
            queues: groups.queues(),
            resolutions: playbook::codes(),
            ..Settings::of(id(ACCOUNT.0))
        },
        secret: SecretString::from(format!("{}:{}", ACCOUNT.0, ACCOUNT.1)),
        pace: Some(RateLimit {
            burst: 100,
            every: Duration::from_millis(10),
            wait_most: Duration::from_secs(20),
        }),
        timeout: Duration::from_secs(10),
        roots_pem: None,
    };
    Itsm::over(belay_replay::service_now(office.clone()), config).map_err(|error| error.to_string())
}

/// The two systems of this world.
struct Around {
    servicenow: Arc<Itsm>,
    duty: Arc<Duty>,
}

impl Outside for Around {
    fn queues(&self, system: &SystemId) -> Option<Arc<dyn HumanQueue>> {
        match system.as_str() {
            name if name == SYSTEMS[0] => Some(self.servicenow.clone()),
            name if name == SYSTEMS[1] => Some(self.duty.clone()),
            _ => None,
        }
    }

    fn record(&self, _: &SystemId) -> Option<Arc<dyn SystemOfRecord>> {
        None
    }
}
