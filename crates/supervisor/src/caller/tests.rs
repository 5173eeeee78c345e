use std::collections::BTreeSet;
use std::time::Duration;

use belay_api::v1::ErrorReason;
use belay_transport::issuer::DevIssuer;
use belay_transport::person::Person as Believed;
use belay_transport::thumbprint::Thumbprint;
use http::HeaderValue;
use prost::Message;
use prost_types::FileDescriptorSet;

use super::permissions::{TABLE, Who, authorize, row};
use super::*;
use crate::wire::testbed::id;

#[test]
fn every_method_of_the_contract_has_a_row_and_every_row_a_method() {
    let set = FileDescriptorSet::decode(belay_api::FILE_DESCRIPTOR_SET).unwrap();
    let mut methods = BTreeSet::new();
    for file in set.file.iter().filter(|file| file.package() == "belay.v1") {
        for service in &file.service {
            for method in &service.method {
                methods.insert(format!("/belay.v1.{}/{}", service.name(), method.name()));
            }
        }
    }
    assert!(methods.len() > 30, "the descriptor set was read");
    let ours = |path: &&str| path.starts_with("/belay.");
    let rows: BTreeSet<String> =
        TABLE.iter().map(|(path, _, _)| *path).filter(ours).map(str::to_owned).collect();
    assert_eq!(rows, methods);
    assert_eq!(TABLE.iter().map(|(path, _, _)| path).collect::<BTreeSet<_>>().len(), TABLE.len());
}

#[test]
fn each_kind_of_caller_may_do_exactly_this() {
    let agent = Caller::Agent(id("billing-1"));
    let tool = Caller::Tool { name: "intake".to_owned(), tenants: vec![id("acme")] };
    let person = person(&["leads"]);
    let operator = self::person(&["leads", "operators"]);
    check(&agent, Who::Agents, Ok(()));
    check(&agent, Who::PeopleAndTools, Err(ErrorReason::NotAllowed));
    check(&agent, Who::People, Err(ErrorReason::NotAllowed));
    check(&agent, Who::Operators, Err(ErrorReason::NotAllowed));
    check(&tool, Who::Agents, Err(ErrorReason::NotAllowed));
    check(&tool, Who::PeopleAndTools, Ok(()));
    check(&tool, Who::People, Err(ErrorReason::UnknownIdentity));
    check(&tool, Who::Operators, Err(ErrorReason::UnknownIdentity));
    check(&person, Who::Agents, Err(ErrorReason::NotAllowed));
    check(&person, Who::PeopleAndTools, Ok(()));
    check(&person, Who::People, Ok(()));
    check(&person, Who::Operators, Err(ErrorReason::NotAllowed));
    check(&operator, Who::Operators, Ok(()));
    for who in [Who::Agents, Who::PeopleAndTools, Who::People, Who::Operators] {
        check(&Caller::Supervisor, who, Err(ErrorReason::NotAllowed));
    }
    for caller in [&agent, &tool, &person, &Caller::Supervisor] {
        check(caller, Who::Everybody, Ok(()));
    }
}

#[test]
fn agents_may_call_their_stream_and_nothing_else_of_ours() {
    let agent = Caller::Agent(id("billing-1"));
    let identity = identity();
    let allowed: Vec<&str> = TABLE
        .iter()
        .filter(|(path, who, _)| {
            path.starts_with("/belay.") && authorize(*who, &agent, &identity).is_ok()
        })
        .map(|(path, _, _)| *path)
        .collect();
    assert_eq!(allowed, ["/belay.v1.AgentService/Connect"]);
}

#[test]
fn what_decides_needs_a_person() {
    for method in ["Approve", "Reject", "Amend"] {
        let (who, _) = row(&format!("/belay.v1.ApprovalService/{method}")).unwrap();
        assert_eq!(who, Who::People, "{method}");
    }
    for (path, who, _) in TABLE.iter().filter(|(path, _, _)| path.contains("DeskService")) {
        assert_eq!(*who, Who::People, "{path}");
    }
    assert_eq!(row("/belay.v1.CaseService/ResolveCase").unwrap().0, Who::People);
}

#[test]
fn what_is_not_in_the_table_is_nobody_s() {
    assert_eq!(row("/belay.v1.CaseService/DropEverything"), None);
    assert_eq!(row("/belay.v1.CaseService/"), None);
    assert_eq!(row("belay.v1.CaseService/GetCase"), None);
    assert_eq!(row(""), None);
}

#[test]
fn a_certificate_says_who_an_agent_is_whatever_token_it_sends() {
    let bed = Bed::new();
    let token = bed.token("lena", &["leads"], "acme");
    let caller = bed.calls("spiffe://belay.local/agent/billing-1", Some(&token)).unwrap();
    assert_eq!(caller, Caller::Agent(id("billing-1")));
}

#[test]
fn a_token_makes_a_tool_s_call_a_person_s() {
    let bed = Bed::new();
    let token = bed.token("lena", &["leads", "two words"], "acme");
    let caller = bed.calls("spiffe://belay.local/tool/cli", Some(&token)).unwrap();
    let Caller::Person(lena) = &caller else { panic!("{caller:?}") };
    assert_eq!((lena.id.as_str(), lena.tenant.as_str()), ("lena", "acme"));
    assert_eq!(lena.groups, [id("leads")], "a group that no playbook can name grants nothing");
    assert_eq!(caller.actor(), Actor::Person(id("lena")));
    let without = bed.calls("spiffe://belay.local/tool/cli", None).unwrap();
    assert_eq!(without.actor(), Actor::Program("cli".to_owned()));
    assert!(without.person().is_err());
}

#[test]
fn a_token_that_is_not_believed_is_an_error_and_not_ignored() {
    let bed = Bed::new();
    let cli = "spiffe://belay.local/tool/cli";
    let refused = |token: &str| bed.calls(cli, Some(token)).unwrap_err().reason();
    assert_eq!(refused("nonsense"), ErrorReason::UnknownIdentity);
    let mut forged = bed.token("lena", &["leads"], "acme");
    forged.pop();
    assert_eq!(refused(&forged), ErrorReason::UnknownIdentity);
    let nobody = Identity { people: None, ..bed.identity() };
    let good = bed.token("lena", &["leads"], "acme");
    let refused = call(&nobody, cli, &[&format!("Bearer {good}")]).unwrap_err();
    assert_eq!(refused.reason(), ErrorReason::UnknownIdentity);
    let twice = [format!("Bearer {good}"), format!("Bearer {good}")];
    let twice: Vec<&str> = twice.iter().map(String::as_str).collect();
    assert!(call(&bed.identity(), cli, &twice).is_err(), "which of the two?");
    assert!(call(&bed.identity(), cli, &["Basic abc"]).is_err());
}

#[test]
fn without_a_certificate_nobody_is_known() {
    let refused = identity().of(&Extensions::new(), &HeaderMap::new()).unwrap_err();
    assert_eq!(refused.reason(), ErrorReason::UnknownIdentity);
    let refused = Bed::new().calls("spiffe://belay.local/printer/lobby", None).unwrap_err();
    assert_eq!(refused.reason(), ErrorReason::UnknownIdentity);
}

#[test]
fn nobody_sees_a_tenant_that_is_not_theirs() {
    let person = person(&[]);
    assert_eq!(person.tenant("").unwrap(), id("acme"));
    assert_eq!(person.tenant("acme").unwrap(), id("acme"));
    assert_eq!(person.tenant("other").unwrap_err().reason(), ErrorReason::WrongTenant);
    assert!(person.sees(&id("acme")) && !person.sees(&id("other")));
    let tool = Caller::Tool { name: "intake".to_owned(), tenants: vec![id("acme"), id("beta")] };
    assert_eq!(tool.tenant("").unwrap(), id("acme"));
    assert_eq!(tool.tenant("beta").unwrap(), id("beta"));
    assert!(tool.tenant("other").is_err());
    assert!(Caller::Supervisor.tenant("").is_err());
}

#[track_caller]
fn check(caller: &Caller, who: Who, expected: Result<(), ErrorReason>) {
    let found = authorize(who, caller, &identity()).map_err(|fault| fault.reason());
    assert_eq!(found, expected, "{caller:?} {who:?}");
}

fn person(groups: &[&str]) -> Caller {
    let groups = groups.iter().map(|group| id(group)).collect();
    Caller::Person(Person { id: id("lena"), groups, tenant: id("acme") })
}

fn identity() -> Identity {
    Identity {
        people: None,
        tenants: vec![id("acme")],
        operators: vec![id("operators")],
        wall: Arc::new(now),
    }
}

fn now() -> belay_domain::Timestamp {
    "2026-05-04T08:00:00Z".parse().unwrap()
}

/// An identity provider and a supervisor that believes it.
struct Bed {
    issuer: DevIssuer,
    _directory: tempfile::TempDir,
}

impl Bed {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        Self { issuer: DevIssuer::open_or_create(directory.path()).unwrap(), _directory: directory }
    }

    fn identity(&self) -> Identity {
        let people = PersonVerifier::from_jwks(DevIssuer::provider(), &self.issuer.jwks()).unwrap();
        Identity { people: Some(Arc::new(people)), ..identity() }
    }

    fn token(&self, name: &str, groups: &[&str], tenant: &str) -> String {
        let person = Believed {
            id: name.to_owned(),
            groups: groups.iter().map(|group| (*group).to_owned()).collect(),
            tenant: tenant.to_owned(),
        };
        self.issuer.issue_token(&person, Duration::from_secs(60), now()).unwrap()
    }

    fn calls(&self, spiffe: &str, token: Option<&str>) -> Result<Caller, Fault> {
        let token = token.map(|token| format!("Bearer {token}"));
        let headers: Vec<&str> = token.iter().map(String::as_str).collect();
        call(&self.identity(), spiffe, &headers)
    }
}

fn call(identity: &Identity, spiffe: &str, authorization: &[&str]) -> Result<Caller, Fault> {
    let mut extensions = Extensions::new();
    extensions.insert(Peer {
        spiffe: spiffe.parse().unwrap(),
        certificate: Thumbprint::from([7; 32]),
        remote: ([127, 0, 0, 1], 1).into(),
    });
    let mut headers = HeaderMap::new();
    for value in authorization {
        headers.append(header::AUTHORIZATION, HeaderValue::from_str(value).unwrap());
    }
    identity.of(&extensions, &headers)
}
