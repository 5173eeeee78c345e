//! Secrets, fetched from where the playbook says they are, and held so that no log shows them.

use std::path::PathBuf;

use belay_playbook::{MissingVariable, Secret};
use secrecy::SecretString;

/// Why a secret cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// A variable is not set.
    #[error(transparent)]
    Variable(#[from] MissingVariable),
    /// A file cannot be read.
    #[error("the secret in {} cannot be read", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// It is not written as it has to be.
    #[error("the secret of {what} cannot be used; write it as its form says, and not empty")]
    Unusable {
        /// Whose secret.
        what: String,
    },
}

/// The secret that stands there now.
pub(crate) fn fetch(secret: &Secret) -> Result<SecretString, SecretError> {
    let variable = |name: &str| std::env::var(name).ok();
    match secret {
        Secret::Env(name) => {
            let found = variable(name).ok_or_else(|| MissingVariable(name.clone()))?;
            Ok(SecretString::from(found))
        }
        Secret::File(path) => {
            let path = PathBuf::from(path.resolve(variable)?);
            match std::fs::read_to_string(&path) {
                Ok(text) => Ok(SecretString::from(text.trim())),
                Err(source) => Err(SecretError::File { path, source }),
            }
        }
    }
}
