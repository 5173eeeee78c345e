//! The ceiling of any gRPC service here: a bare server that answers with what it was sent, over the same mutual TLS, with as
//! many calls at once, and over as many connections as agents would have.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use belay_api::v1;
use belay_api::v1::coverage_service_client::CoverageServiceClient;
use belay_api::v1::coverage_service_server::{CoverageService, CoverageServiceServer};
use clap::Args;
use tokio::task::JoinSet;
use tonic::transport::{Certificate, Identity, ServerTlsConfig};
use tonic::{Request, Response, Status};

use super::meter::{Meter, Reading};
use super::playbook::AGENTS_OF_A_ROLE;
use super::stage::Server;
use crate::demo::until_parent_is_gone;
use crate::exit::{Exit, Failure};

/// As long as what an agent and the supervisor say to each other.
const BYTES: usize = 200;

/// The server's side, in a process of its own.
#[derive(Args, Debug)]
pub(crate) struct EchoArgs {
    /// The directory with the server's certificate
    #[arg(long = "certificates")]
    certificates: PathBuf,
    /// Where to listen
    #[arg(long)]
    listen: SocketAddr,
}

/// Answers with what it was sent. It borrows the smallest service of the contract, whose question and answer are a text.
struct Echo;

#[tonic::async_trait]
impl CoverageService for Echo {
    async fn get_coverage(
        &self,
        request: Request<v1::GetCoverageRequest>,
    ) -> Result<Response<v1::GetCoverageResponse>, Status> {
        let case_id = request.into_inner().case_id;
        Ok(Response::new(v1::GetCoverageResponse { case_id, ..Default::default() }))
    }

    async fn get_status(
        &self,
        _: Request<v1::GetStatusRequest>,
    ) -> Result<Response<v1::GetStatusResponse>, Status> {
        Err(Status::unimplemented("this only echoes"))
    }

    async fn list_uncovered(
        &self,
        _: Request<v1::ListUncoveredRequest>,
    ) -> Result<Response<v1::ListUncoveredResponse>, Status> {
        Err(Status::unimplemented("an echo has no list"))
    }
}

/// Runs the server until whoever started it is gone.
pub(crate) async fn serve(args: EchoArgs) -> Result<Exit, Failure> {
    let read = |name: &str| {
        let file = args.certificates.join(name);
        std::fs::read(&file)
            .map_err(|error| Failure::of(format!("cannot read {}", file.display()), &error))
    };
    let failed = |error| Failure::of("the echo cannot be served", &error);
    let tls = ServerTlsConfig::new()
        .identity(Identity::from_pem(read("server.pem")?, read("server.key")?))
        .client_ca_root(Certificate::from_pem(read("ca.pem")?));
    tonic::transport::Server::builder()
        .tcp_nodelay(true)
        .tls_config(tls)
        .map_err(failed)?
        .add_service(CoverageServiceServer::new(Echo))
        .serve_with_shutdown(args.listen, until_parent_is_gone())
        .await
        .map_err(failed)?;
    Ok(Exit::Done)
}

/// Measures with this many calls at once.
pub(crate) async fn measure(
    server: &Server,
    at_once: usize,
    warm_up: Duration,
    length: Duration,
) -> Result<Reading, Failure> {
    let meter = Arc::new(Meter::new()?);
    let mut channels = Vec::new();
    for _ in 0..at_once.min(2 * AGENTS_OF_A_ROLE) {
        channels.push(server.connect().await?);
    }
    let mut callers = JoinSet::new();
    for channel in channels.iter().cycle().take(at_once) {
        let mut client = CoverageServiceClient::new(channel.clone());
        let meter = meter.clone();
        callers.spawn(async move {
            let request = v1::GetCoverageRequest { case_id: "e".repeat(BYTES) };
            while !meter.is_stopping() {
                let began = Instant::now();
                match client.get_coverage(request.clone()).await {
                    Ok(_) => meter.finished(began.elapsed()),
                    Err(status) => {
                        meter.fail(format!("the echo failed: {}", status.message()));
                        return;
                    }
                }
            }
        });
    }
    let reading = meter.measure(warm_up, length).await;
    callers.shutdown().await;
    reading
}
