//! Whom the supervisor believes and how it proves itself, and following the files that say so.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use belay_transport::authority::DevAuthority;
use belay_transport::issuer::DevIssuer;
use belay_transport::permit::PermitSigner;
use belay_transport::person::PersonVerifier;
use belay_transport::revocation::Revocations;
use belay_transport::tls::{FILES_LOOKED_AT_EVERY, ServerTls};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::warn;

use super::StartError;
use crate::config::{Config, Files, TENANT_DEFAULT, Trust};

/// Everything that says who may come in.
pub(super) struct Door {
    pub(super) tls: Arc<ServerTls>,
    pub(super) people: Option<Arc<PersonVerifier>>,
    pub(super) revocations: Revocations,
    revocations_file: Option<PathBuf>,
}

impl Door {
    /// Reads or makes what the configuration names.
    pub(super) fn open(config: &Config) -> Result<Self, StartError> {
        match &config.trust {
            Trust::Development { directory } => {
                let authority = DevAuthority::open_or_create(directory)?;
                let issuer = DevIssuer::open_or_create(directory)?;
                let mut provider = DevIssuer::provider();
                let tenant =
                    config.tenants.first().map_or(TENANT_DEFAULT, |tenant| tenant.as_str());
                provider.tenant = Some(tenant.to_owned());
                let people = PersonVerifier::from_file(provider, issuer.jwks_file())?;
                Ok(Self {
                    tls: Arc::new(ServerTls::load(authority.server_identity())?),
                    people: Some(Arc::new(people)),
                    revocations: Revocations::default(),
                    revocations_file: None,
                })
            }
            Trust::Files(files) => {
                let Files { identity, people, revocations } = files.as_ref();
                let people = people.as_ref().map(|people| {
                    PersonVerifier::from_file(people.provider.clone(), &people.keys).map(Arc::new)
                });
                let list = revocations.as_deref().map(Revocations::from_file).transpose()?;
                Ok(Self {
                    tls: Arc::new(ServerTls::load(identity.clone())?),
                    people: people.transpose()?,
                    revocations: list.unwrap_or_default(),
                    revocations_file: revocations.clone(),
                })
            }
        }
    }

    /// The key that signs permits, and its public half beside it for those who check permits offline.
    pub(super) fn permits(&self, data: &Path) -> Result<Arc<PermitSigner>, StartError> {
        let issuer = self.tls.spiffe();
        let signer = PermitSigner::open_or_create(issuer.as_str(), &data.join("permit.key"))?;
        let path = data.join("permit.jwks.json");
        std::fs::write(&path, signer.jwks())
            .map_err(|source| StartError::Write { path, source })?;
        Ok(Arc::new(signer))
    }

    /// Reads the files again whenever they may have changed, until told to stop.
    pub(super) fn follow(&self, tasks: &TaskTracker, stop: &CancellationToken) {
        let (tls, until) = (self.tls.clone(), stop.clone());
        tasks.spawn(async move { tls.follow(FILES_LOOKED_AT_EVERY, until).await });
        if let Some(file) = self.revocations_file.clone() {
            let (revocations, until) = (self.revocations.clone(), stop.clone());
            tasks.spawn(async move {
                revocations.follow(&file, FILES_LOOKED_AT_EVERY, until).await;
            });
        }
        if let Some(people) = self.people.clone() {
            tasks.spawn(follow_people(people, stop.clone()));
        }
    }
}

async fn follow_people(people: Arc<PersonVerifier>, stop: CancellationToken) {
    let mut ticks = tokio::time::interval(FILES_LOOKED_AT_EVERY);
    while stop.run_until_cancelled(ticks.tick()).await.is_some() {
        if let Err(failure) = people.reload() {
            let cause = &failure as &dyn std::error::Error;
            warn!(error = cause, "the identity provider's keys were not reloaded");
        }
    }
}
