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
use std::sync::atomic::{AtomicI64, Ordering};
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

/// Who opens a ticket for an incident where Belay does not.
const SERVICE_DESK: &str = "service-desk";

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
    // What Belay does to a ticket must not change the record against which it is held.
    let ahead = Arc::new(AtomicI64::new(0));
    let by = ahead.clone();
    let later = move || {
        belay_domain::after(now(), belay_domain::Span::from_secs(by.load(Ordering::Relaxed)))
    };
    let (office, record) = (Office::new(Arc::new(now)), Office::new(Arc::new(later)));
    for office in [&office, &record] {
        incidents.staff(office);
        office.join(Person::account(ACCOUNT.0, ACCOUNT.1));
        office.join(Person::human(SERVICE_DESK));
    }
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
    let (mut opened, mut tickets) = (Vec::new(), Vec::new());
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
        if office.tickets().len() == before {
            // A group that reaches nobody is not asked; the script is not for the next ticket.
            office.open_ticket(SERVICE_DESK, &incident.queue, &incident.number);
        }
        record.script(incident.script());
        tickets.push(record.open_ticket(SERVICE_DESK, &incident.queue, &incident.number));
    }
    while begun.elapsed() < HORIZON && any_open(&mut cases).await? {
        sleep(Duration::from_secs(6 * 3_600)).await;
    }
    let lasted = begun.elapsed();
    drop(supervisor);
    // What people did goes on for as long as the data goes, and nobody has to wait for it.
    let longest = incidents.incidents.iter().map(belay_replay::Incident::length).max();
    ahead.store(longest.unwrap_or_default().as_secs(), Ordering::Relaxed);
    let end =
        belay_domain::after(now(), belay_domain::Span::from_secs(ahead.load(Ordering::Relaxed)));
    let mut account = account::taken(&journal, &record, (&opened, &tickets), end)?;
    account.lasted = lasted.try_into().unwrap_or_default();
    account.requests = office.tally().values().sum();
    Ok(account)
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
