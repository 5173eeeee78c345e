//! The same over mutual TLS, with the certificates and the accept loop of a real supervisor.

use std::sync::Arc;

use belay_api::v1::connect_response::Message as Out;
use belay_api::v1::{ActionState, Ruling};
use belay_transport::accept::{Server, Settings, listen};
use belay_transport::authority::DevAuthority;
use belay_transport::revocation::Revocations;
use belay_transport::tls::ServerTls;
use tokio_util::sync::CancellationToken;

use crate::testbed::{Bed, Does};
use crate::{Agent, Identity, Me, ServeError};

#[tokio::test]
async fn an_agent_proves_itself_with_its_certificate_and_checks_permits_against_it() {
    let directory = tempfile::tempdir().unwrap();
    let authority = DevAuthority::open_or_create(directory.path()).unwrap();
    let identity = authority.agent("crm").unwrap();
    let (mut bed, service) = Bed::on_a_real_line(Me::of(&identity).unwrap());
    let tls = Arc::new(ServerTls::load(authority.server_identity()).unwrap());
    let domains = vec![authority.trust_domain().clone()];
    let settings = Settings { trust_domains: domains, ..Settings::default() };
    let listener = listen(([127, 0, 0, 1], 0).into()).unwrap();
    let endpoint = format!("https://localhost:{}", listener.local_addr().unwrap().port());
    let down = CancellationToken::new();
    let service = tonic::service::Routes::new(service);
    let server = Server::new(tls, Revocations::default(), settings);
    let serving = tokio::spawn(server.serve(listener, service, down.clone()));

    let stop = bed.stop.clone().cancelled_owned();
    let (specialist, _) = Does::Acts.this();
    let agent = Agent::builder(endpoint, identity).role("crm").serve(specialist, stop);
    let agent = tokio::spawn(agent);
    let mut line = bed.registered().await;
    assert_eq!((&*line.register.roles, line.register.capacity), (&["crm".to_owned()][..], 1));
    line.assigns(1).await;
    let proposal = line.rules(Ruling::Authorized).await;
    line.send(0, Out::Permit(bed.permit("p1", 1, &proposal.input_json))).await;
    let number = line.begins("p1").await;
    line.started(number, "p1", 1).await;
    assert_eq!(line.outcome().await, (1, "executed"));
    line.stands(ActionState::Verified).await;
    line.resolved().await;
    bed.stop.cancel();
    line.closed().await;
    agent.await.unwrap().unwrap();
    drop(line);
    down.cancel();
    serving.await.unwrap();
}

#[tokio::test]
async fn what_is_wrong_with_the_files_is_said_before_anything_is_tried() {
    let directory = tempfile::tempdir().unwrap();
    let authority = DevAuthority::open_or_create(directory.path()).unwrap();
    let serve = |endpoint: &str, identity: Identity| {
        let (specialist, _) = Does::Acts.this();
        Agent::builder(endpoint, identity).serve(specialist, std::future::pending())
    };
    let missing = Identity::in_directory(directory.path(), "agents/nobody");
    let refused = serve("https://localhost:1", missing).await;
    assert!(matches!(refused, Err(ServeError::Identity(_))), "{refused:?}");
    let refused = serve("https://localhost:1", authority.tool("cli").unwrap()).await;
    assert!(matches!(refused, Err(ServeError::NotAnAgent { .. })), "{refused:?}");
    let refused = serve("localhost", authority.agent("crm").unwrap()).await;
    assert!(matches!(refused, Err(ServeError::Connect(_))), "{refused:?}");
}
