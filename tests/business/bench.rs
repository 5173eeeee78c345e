//! A stage whose playbook is Northgate's and whose systems are the real ones, behind proxies that can show faults.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use belay_api::v1;
use tokio::sync::Notify;

use crate::company::{AMOUNT, Company, Customer, setting};
use crate::proxy::{Proxy, Script};
use crate::repair::{Books, repair};
use crate::stage::agents::Serving;
use crate::stage::callers::Caller;
use crate::stage::playbook::Playbook;
use crate::stage::{LONG, Stage, request, said};

/// Waiting times that suit a busy machine. An effect of these systems shows as soon as they have answered.
const DEFAULTS: &str = "\
defaults:
  severity: normal
  lease: 8s
  seek_within: 10s
  offer_within: 5s
  bounces_max: 3
  freshness: 5s
  look_every: 500ms
  permit_within: 30s
  outcome_within: 15s
  settle_within: 1500ms
  verify_within: 10s
  attempts_max: 3
  backoff: {first: 100ms, most: 500ms}
";

/// A supervisor with Northgate's playbook before the real systems.
pub(crate) struct Bench {
    pub(crate) stage: Stage,
    pub(crate) script: Script,
    books: Books,
    _proxies: [Proxy; 3],
}

impl Bench {
    pub(crate) async fn start(company: &Company) -> Self {
        Self::with(company, |_| ()).await
    }

    /// With a changed playbook.
    pub(crate) async fn with(company: &Company, change: impl FnOnce(&Playbook)) -> Self {
        let script = Script::default();
        let processor = Proxy::before(&company.processor, &script).await;
        let erp = Proxy::before(&company.erp, &script).await;
        let crm = Proxy::before(&company.crm, &script).await;
        let stage = Stage::with(|playbook| {
            northgate(playbook);
            let urls = [
                ("${NORTHGATE_PROCESSOR_URL}", &processor.url),
                ("${NORTHGATE_ERP_REST}", &erp.url),
                ("${NORTHGATE_CRM_API}", &crm.url),
            ];
            for (variable, url) in urls {
                playbook.edit("systems.yaml", variable, &format!("{url}\n    timeout: 3s"));
            }
            change(playbook);
        })
        .await;
        Self { stage, script, books: Books::of(company), _proxies: [processor, erp, crm] }
    }

    /// The same, with agents that wait before they say that a plan is complete.
    pub(crate) fn holding(mut self, held: Arc<Notify>) -> Self {
        self.books.held = Some(held);
        self
    }

    /// Lets such an agent go on.
    pub(crate) fn go_on(&self) {
        self.books.held.as_ref().expect("an agent that waits").notify_one();
    }

    /// An agent that repairs double charges.
    pub(crate) fn agent(&self, name: &str) -> Serving {
        self.agent_that(name, false)
    }

    /// The same, or one that gives its plan up when all of it is done.
    pub(crate) fn agent_that(&self, name: &str, gives_up: bool) -> Serving {
        let books = self.books.clone();
        self.stage.agent(name, move |case| {
            let books = books.clone();
            Box::pin(async move { repair(case, &books, AMOUNT, gives_up).await })
        })
    }

    /// A customer says that they were charged twice, and no more than that.
    pub(crate) async fn complain(&self, customer: &Customer) -> String {
        let asked = v1::OpenCaseRequest {
            request_id: format!("{}-{}", request(), customer.invoice),
            subject: "charged twice".to_owned(),
            kind: "double-charge".to_owned(),
            customer: customer.email.clone(),
            channel: "mail".to_owned(),
            context: vec![said("My card was charged 420.00 twice.")],
            ..v1::OpenCaseRequest::default()
        };
        let opened = self.stage.tool().open(asked).await.expect("the case is opened");
        opened.case.unwrap().summary.unwrap().id
    }

    /// Two people of finance who say yes to whatever they are asked on this case, for as long as this is kept.
    pub(crate) fn finance(&self, case: &str) -> [Approver; 2] {
        ["ann", "ben"].map(|name| Approver::new(self.stage.person(name, &["finance"]), case))
    }
}

/// Somebody who agrees.
pub(crate) struct Approver(tokio::task::JoinHandle<()>);

impl Approver {
    fn new(person: Caller, case: &str) -> Self {
        let case_id = case.to_owned();
        Self(tokio::spawn(async move {
            loop {
                tokio::time::sleep(Duration::from_millis(40)).await;
                let request =
                    v1::ListApprovalsRequest { case_id: case_id.clone(), ..Default::default() };
                // A supervisor that is away is asked again.
                let Ok(answer) = person.approvals().list_approvals(request).await else { continue };
                for shown in answer.into_inner().approvals {
                    let _ = person.approve(&shown).await;
                }
            }
        }))
    }
}

impl Drop for Approver {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// The case as it is now; none while the supervisor is away.
pub(crate) async fn look(tool: &Caller, case: &str) -> Option<v1::Case> {
    let request = v1::GetCaseRequest { case_id: case.to_owned() };
    let mut cases = tool.cases();
    tokio::time::timeout(LONG, cases.get_case(request)).await.ok()?.ok()?.into_inner().case
}

/// Puts Northgate's playbook, as users copy it, in the place of the stage's, with shorter waits and with credentials in
/// files instead of variables.
fn northgate(playbook: &Playbook) {
    let folder = playbook.folder();
    fs::remove_dir_all(folder).unwrap();
    copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join("playbooks/northgate"), folder);
    let text = fs::read_to_string(folder.join("playbook.yaml")).unwrap();
    let (before, _) = text.split_once("defaults:").unwrap();
    playbook.put("playbook.yaml", &format!("{before}{DEFAULTS}"));
    let secrets = folder.with_file_name("secrets");
    fs::create_dir_all(&secrets).unwrap();
    for name in [
        "NORTHGATE_PROCESSOR_KEY",
        "NORTHGATE_PROCESSOR_READ_KEY",
        "NORTHGATE_ERP_DRAFT_KEY",
        "NORTHGATE_ERP_POST_KEY",
        "NORTHGATE_ERP_READ_KEY",
        "NORTHGATE_CRM_USER",
        "NORTHGATE_CRM_PASSWORD",
        "NORTHGATE_CRM_READ_USER",
        "NORTHGATE_CRM_READ_PASSWORD",
    ] {
        let file = secrets.join(name);
        fs::write(&file, setting(name)).unwrap();
        let (from, to) = (format!("env: {name}}}"), format!("file: {}}}", file.display()));
        let text = fs::read_to_string(folder.join("systems.yaml")).unwrap();
        assert!(text.contains(name), "{name} is not used any more");
        playbook.put("systems.yaml", &text.replace(&from, &to));
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}
