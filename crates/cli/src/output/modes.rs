//! How far a contract is trusted, in a word that programs may rely on.

use belay_api::v1;
use belay_domain::Mode;

/// As the playbook writes it.
pub(crate) fn name(mode: Mode) -> &'static str {
    match mode {
        Mode::Shadow => "shadow",
        Mode::Canary => "canary",
        Mode::Live => "live",
    }
}

/// The same of what a supervisor said.
pub(crate) fn told(mode: v1::ContractMode) -> &'static str {
    match mode {
        v1::ContractMode::Shadow => "shadow",
        v1::ContractMode::Canary => "canary",
        v1::ContractMode::Live => "live",
        v1::ContractMode::Unspecified => "unknown",
    }
}

/// The mode itself; none of what a newer supervisor said.
pub(crate) fn read(mode: v1::ContractMode) -> Option<Mode> {
    match mode {
        v1::ContractMode::Shadow => Some(Mode::Shadow),
        v1::ContractMode::Canary => Some(Mode::Canary),
        v1::ContractMode::Live => Some(Mode::Live),
        v1::ContractMode::Unspecified => None,
    }
}
