//! The stage of the demonstration: its folder, and the processes that run in it.

use std::collections::BTreeMap;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use belay_transport::authority::DevAuthority;
use belay_transport::issuer::DevIssuer;
use jiff::Timestamp;
use tokio::time::{Instant, sleep};

use belay_api::v1;

use super::answers::{self, Answer};
use super::api::{Door, patiently};
use super::children::{Child, Nursery, free_address};
use super::company::Store;
use super::show::Show;
use super::{playbook, stories};
use crate::connection::HOME;
use crate::exit::{Exit, Failure};

/// The agents, two of a kind where one will be killed.
pub(crate) const AGENTS: [&str; 6] =
    ["crm-1", "billing-1", "billing-2", "erp-1", "erp-2", "itsm-1"];

/// How long everything has to come up.
const UP_WITHIN: Duration = Duration::from_secs(20);
/// The systems of the company, as the playbook names them.
const SYSTEMS: [&str; 4] = ["crm", "billing", "erp", "itsm"];

/// Folder and processes.
pub(crate) struct House {
    folder: PathBuf,
    data: PathBuf,
    nursery: Nursery,
    endpoint: String,
    listen: SocketAddr,
    company_at: SocketAddr,
    company: Option<Child>,
    supervisor: Option<Child>,
    agents: BTreeMap<String, Child>,
}

impl House {
    /// Makes the folder with playbook, identities and the company's records.
    pub(crate) fn build(folder: Option<PathBuf>) -> Result<Self, Failure> {
        let stamp = Timestamp::now().strftime("%Y%m%d-%H%M%S");
        let folder = folder.unwrap_or_else(|| Path::new(HOME).join(format!("demo-{stamp}")));
        if folder.join("data").exists() {
            let what = format!("{} holds an earlier demonstration", folder.display());
            return Err(Failure::new(Exit::Usage, what).hint("name another --dir, or remove it"));
        }
        fs::create_dir_all(&folder)
            .map_err(|error| Failure::of(format!("cannot make {}", folder.display()), &error))?;
        let data = folder.join("data");
        playbook::write(&folder.join("playbook"))?;

        let identity = data.join("identity");
        let failed = |error| Failure::of("cannot make identities", &error);
        let authority = DevAuthority::open_or_create(&identity).map_err(failed)?;
        for agent in AGENTS {
            authority.agent(agent).map_err(failed)?;
        }
        DevIssuer::open_or_create(&identity)
            .map_err(|error| Failure::of("cannot make identities", &error))?;

        let all: Vec<_> = stories::told().into_iter().chain(stories::everyday()).collect();
        stories::company(&all).write(&folder.join("company.json"))?;

        let (listen, company_at) = (free_address()?, free_address()?);
        let house = Self {
            nursery: Nursery::new(folder.join("logs"))?,
            endpoint: format!("https://localhost:{}", listen.port()),
            folder,
            data,
            listen,
            company_at,
            company: None,
            supervisor: None,
            agents: BTreeMap::new(),
        };
        house.write_environment()?;
        Ok(house)
    }

    /// The folder of the demonstration.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// The data of the supervisor.
    pub(crate) fn data(&self) -> &Path {
        &self.data
    }

    /// The folder with the logs.
    pub(crate) fn logs(&self) -> &Path {
        self.nursery.logs()
    }

    /// Where the supervisor is.
    pub(crate) fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// The directory with everybody's identity.
    pub(crate) fn identity(&self) -> PathBuf {
        self.data.join("identity")
    }

    /// What the company really holds.
    pub(crate) fn company(&self) -> Result<Store, Failure> {
        Store::read(&self.folder.join("company.json"))
    }

    /// What was answered to the agents.
    pub(crate) fn answers(&self) -> Vec<Answer> {
        AGENTS.iter().flat_map(|agent| answers::read(&self.answers_of(agent))).collect()
    }

    /// Starts everybody, and waits until they are there.
    pub(crate) async fn start(&mut self, door: &Door, show: &Show) -> Result<(), Failure> {
        let company = vec![
            "company".to_owned(),
            format!("--listen={}", self.company_at),
            format!("--file={}", self.folder.join("company.json").display()),
        ];
        self.company = Some(self.nursery.start("company", &company, &[])?);
        self.start_supervisor()?;
        for agent in AGENTS {
            self.start_agent(agent)?;
        }
        show.say(&format!("a supervisor, a company and {} agents are starting", AGENTS.len()));
        let deadline = Instant::now() + UP_WITHIN;
        loop {
            self.check()?;
            let tool = door.tool();
            let listed = patiently("listing the agents", || {
                let mut agents = tool.agents();
                let request = v1::ListAgentsRequest { connected_only: true, ..Default::default() };
                let call = tool.call(request);
                async move { agents.list_agents(call).await }
            });
            let there = listed.await?.agents.len();
            if there >= AGENTS.len() {
                show.say(&format!("{there} agents have proved who they are and are connected"));
                return Ok(());
            }
            if Instant::now() >= deadline {
                let what = format!(
                    "{} agents should have connected within {} s, and {there} did",
                    AGENTS.len(),
                    UP_WITHIN.as_secs()
                );
                return Err(Failure::new(Exit::Failed, what));
            }
            sleep(Duration::from_millis(100)).await;
        }
    }

    /// Starts the supervisor, for the first time or again.
    pub(crate) fn start_supervisor(&mut self) -> Result<(), Failure> {
        let arguments = vec![
            "serve".to_owned(),
            format!("--playbook={}", self.folder.join("playbook").display()),
            format!("--data={}", self.data.display()),
            format!("--listen={}", self.listen),
            "--until-stdin-ends".to_owned(),
        ];
        let variables = self.variables();
        self.supervisor = Some(self.nursery.start("supervisor", &arguments, &variables)?);
        Ok(())
    }

    /// Kills the supervisor where it stands. Its process id was this.
    pub(crate) async fn kill_supervisor(&mut self) -> Result<u32, Failure> {
        let gone = || Failure::new(Exit::Failed, "the supervisor is not running");
        let child = self.supervisor.take().ok_or_else(gone)?;
        let pid = child.pid();
        child.kill().await?;
        Ok(pid)
    }

    /// Starts an agent, for the first time or again.
    pub(crate) fn start_agent(&mut self, agent: &str) -> Result<(), Failure> {
        let arguments = vec![
            "demo-agent".to_owned(),
            agent.to_owned(),
            format!("--supervisor={}", self.endpoint),
            format!("--certificates={}", self.identity().display()),
            format!("--company=http://{}", self.company_at),
            format!("--answers={}", self.answers_of(agent).display()),
        ];
        let child = self.nursery.start(agent, &arguments, &[])?;
        self.agents.insert(agent.to_owned(), child);
        Ok(())
    }

    /// Kills an agent where it stands. Its process id was this.
    pub(crate) async fn kill_agent(&mut self, agent: &str) -> Result<u32, Failure> {
        let gone = || Failure::new(Exit::Failed, format!("the agent {agent:?} is not running"));
        let child = self.agents.remove(agent).ok_or_else(gone)?;
        let pid = child.pid();
        child.kill().await?;
        Ok(pid)
    }

    /// Fails when somebody has ended who should be there.
    pub(crate) fn check(&mut self) -> Result<(), Failure> {
        let everybody = self.company.iter_mut().chain(self.supervisor.iter_mut());
        everybody.chain(self.agents.values_mut()).try_for_each(Child::check)
    }

    /// Ends everybody in order: those who depend on others first.
    pub(crate) async fn end(&mut self) {
        let agents = std::mem::take(&mut self.agents);
        let ending: Vec<_> = agents.into_values().map(|child| tokio::spawn(child.end())).collect();
        for end in ending {
            // Whatever happened: it is gone.
            let _ = end.await;
        }
        for child in [self.supervisor.take(), self.company.take()].into_iter().flatten() {
            child.end().await;
        }
    }

    fn answers_of(&self, agent: &str) -> PathBuf {
        self.logs().join(format!("{agent}.answers.jsonl"))
    }

    /// Where the playbook finds the company. It checks nothing, so any credential will do.
    fn variables(&self) -> Vec<(String, String)> {
        let mut variables = Vec::new();
        for system in SYSTEMS {
            let name = system.to_uppercase();
            let url = format!("http://{}/{system}", self.company_at);
            variables.push((format!("BELAY_{name}_URL"), url));
            variables.push((format!("BELAY_{name}_TOKEN"), format!("demo-{system}-write")));
            variables.push((format!("BELAY_{name}_READ_TOKEN"), format!("demo-{system}-read")));
        }
        variables
    }

    /// The same for whoever starts the supervisor by hand later.
    fn write_environment(&self) -> Result<(), Failure> {
        let variables = self.variables();
        let lines: String =
            variables.iter().map(|(key, value)| format!("export {key}={value}\n")).collect();
        let file = self.folder.join("env.sh");
        fs::write(&file, lines)
            .map_err(|error| Failure::of(format!("cannot write {}", file.display()), &error))
    }
}
