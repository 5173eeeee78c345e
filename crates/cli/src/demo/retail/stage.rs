//! The stage: a supervisor with the retail playbook as a process of its own, the shop beside it, the three specialists, and
//! somebody at the desk. All of it on this machine, in a folder that is gone afterwards.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use belay_agent::Agent;
use belay_api::v1::GetPlaybookRequest;
use belay_transport::authority::DevAuthority;
use reqwest::{Client, Url};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::people;
use super::shop::Shop;
use super::specialist::{Book, Counter, Player};
use super::terms::Role;
use crate::demo::api::{Door, patiently};
use crate::demo::children::{Child, Nursery, free_address};
use crate::exit::{Exit, Failure};

/// The retail playbook, file by file.
const PLAYBOOK: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/retail.rs"));

/// How many cases each specialist works on at a time.
const CAPACITY: u32 = 64;

/// How long an outside system may take before a specialist's answer is missed.
const SHOP_WITHIN: Duration = Duration::from_secs(10);

/// How long a specialist has to leave in order.
const DRAIN_WITHIN: Duration = Duration::from_secs(3);

/// Who is at the desk.
const AT_THE_DESK: &str = "ada";

/// Everything that runs.
pub(crate) struct Stage {
    /// The shop.
    pub(crate) shop: Shop,
    /// The way to the shop.
    pub(crate) counter: Counter,
    folder: PathBuf,
    identity: PathBuf,
    supervisor: Child,
    endpoint: String,
    stop: CancellationToken,
    people: CancellationToken,
    tasks: TaskTracker,
    specialists: Vec<JoinHandle<Result<(), belay_agent::ServeError>>>,
    desk: JoinHandle<Result<(), Failure>>,
}

impl Stage {
    /// Starts everything, and waits until the supervisor answers.
    pub(crate) async fn set(book: &Arc<Book>) -> Result<Self, Failure> {
        let folder = std::env::temp_dir().join(format!("belay-retail-{}", uuid::Uuid::now_v7()));
        let identity = folder.join("identity");
        let playbook = folder.join("playbook");
        write_playbook(&playbook)?;
        let authority = DevAuthority::open_or_create(&identity)
            .map_err(|error| Failure::of("the development authority cannot be made", &error))?;

        let shop = Shop::default();
        for page in book.pages() {
            shop.open(&page.script.world, page.script.before.clone());
        }
        let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
        let address = shop
            .serve(&tasks, stop.clone())
            .await
            .map_err(|error| Failure::of("the shop cannot open", &error))?;
        let counter = counter(&format!("http://{address}"))?;

        let address = free_address()?;
        let supervisor = start(&folder, &identity, &playbook, &counter.url, &address.to_string())?;
        let endpoint = format!("https://localhost:{}", address.port());
        let door = Door::new(&endpoint, &identity)?;
        let tool = door.tool();
        patiently("the supervisor", || async {
            tool.playbook().get_playbook(tool.call(GetPlaybookRequest::default())).await
        })
        .await?;

        let mut specialists = Vec::new();
        for role in Role::ALL {
            let own = authority.agent(role.agent()).map_err(|error| {
                Failure::of("a specialist's certificate cannot be made", &error)
            })?;
            let player = Player { role, book: Arc::clone(book), counter: counter.clone() };
            let serving = Agent::builder(endpoint.clone(), own)
                .role(role.name())
                .capacity(CAPACITY)
                .inbox(CAPACITY * 4)
                .drain_within(DRAIN_WITHIN)
                .serve(player, stop.clone().cancelled_owned());
            specialists.push(tokio::spawn(serving));
        }
        let people = CancellationToken::new();
        let (day, ada) = (people.clone(), door.person(AT_THE_DESK, &[])?);
        let desk = tokio::spawn(async move { people::work(&ada, &day).await });
        Ok(Self {
            shop,
            counter,
            folder,
            identity,
            supervisor,
            endpoint,
            stop,
            people,
            tasks,
            specialists,
            desk,
        })
    }

    /// The line to the supervisor.
    pub(crate) fn door(&self) -> Result<Door, Failure> {
        Door::new(&self.endpoint, &self.identity)
    }

    /// Fails when something has ended that should run.
    pub(crate) fn check(&mut self) -> Result<(), Failure> {
        self.supervisor.check()?;
        let ended = self.specialists.iter().any(JoinHandle::is_finished) || self.desk.is_finished();
        if ended {
            return Err(Failure::new(Exit::Failed, "one of the players has left"));
        }
        Ok(())
    }

    /// Ends everything in order, and says how the players ended. Journal and logs are kept for whoever wants to know why
    /// something went wrong.
    pub(crate) async fn clear(self, keep: bool) -> Result<(), Failure> {
        self.people.cancel();
        self.stop.cancel();
        let mut ended = Ok(());
        for specialist in self.specialists {
            match specialist.await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => ended = Err(Failure::of("a specialist has left", &error)),
                Err(error) => ended = Err(Failure::of("a specialist was lost", &error)),
            }
        }
        match self.desk.await {
            Ok(worked) => ended = ended.and(worked),
            Err(error) => ended = Err(Failure::of("the desk was lost", &error)),
        }
        self.supervisor.end().await;
        self.tasks.close();
        self.tasks.wait().await;
        if !keep && let Err(error) = fs::remove_dir_all(&self.folder) {
            tracing::warn!(folder = %self.folder.display(), %error, "the folder is left behind");
        }
        ended
    }

    /// Where journal and logs are.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }
}

fn counter(url: &str) -> Result<Counter, Failure> {
    let url = Url::parse(url)
        .map_err(|error| Failure::new(Exit::Failed, format!("the shop has no address: {error}")))?;
    let http = Client::builder()
        .timeout(SHOP_WITHIN)
        .build()
        .map_err(|error| Failure::of("the shop cannot be asked", &error))?;
    Ok(Counter { url, http })
}

fn start(
    folder: &Path,
    identity: &Path,
    playbook: &Path,
    shop: &Url,
    listen: &str,
) -> Result<Child, Failure> {
    let text = |path: &Path| path.display().to_string();
    let arguments = [
        "--identity".to_owned(),
        text(identity),
        "serve".to_owned(),
        "--playbook".to_owned(),
        text(playbook),
        "--data".to_owned(),
        text(&folder.join("data")),
        "--listen".to_owned(),
        listen.to_owned(),
        "--until-stdin-ends".to_owned(),
    ];
    let shop = shop.as_str().trim_end_matches('/').to_owned();
    let variables = [
        ("BELAY_SHOP_URL".to_owned(), shop),
        // The shop checks nothing, and so no token either.
        ("BELAY_SHOP_TOKEN".to_owned(), "writes".to_owned()),
        ("BELAY_SHOP_READ_TOKEN".to_owned(), "reads".to_owned()),
    ];
    Nursery::new(folder.join("logs"))?.start("supervisor", &arguments, &variables)
}

fn write_playbook(folder: &Path) -> Result<(), Failure> {
    for (name, text) in PLAYBOOK {
        let file = folder.join(name);
        let failed = |error| Failure::of(format!("cannot write {}", file.display()), &error);
        if let Some(parent) = file.parent() {
            fs::create_dir_all(parent).map_err(failed)?;
        }
        fs::write(&file, text).map_err(failed)?;
    }
    Ok(())
}
