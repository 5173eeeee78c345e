//! `graduation` in a contract: what it has to show before it writes more, and when it has to stop.

use schemars::JsonSchema;
use serde::Deserialize;

use super::contract::ReadBackRule;
use super::text::Length;

/// The bounds of a contract. A contract that names them, even as `graduation: {}`, is demoted to shadow by itself when
/// it falls out of them.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct GraduationRule {
    /// How many outcomes there have to be; 50 when nothing is said.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub(crate) sample_min: Option<u64>,
    /// The share that has to be as promised with 95 % confidence: the lower end of its Wilson interval for going on,
    /// the upper end for not being demoted. 0.9 when nothing is said.
    #[schemars(range(min = 0.0, max = 0.9999))]
    pub(crate) verified_min: Option<f64>,
    /// The largest share of proposals that people may reject or change; 0.1 when nothing is said.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub(crate) override_max: Option<f64>,
    /// How many divergences there may be; 1 when nothing is said.
    #[schemars(range(max = 1_000_000))]
    pub(crate) divergences_max: Option<u64>,
    /// How far it looks back; 30d when nothing is said.
    pub(crate) window: Option<Length>,
    /// In shadow: how long after a proposal it is looked whether people did it otherwise, should the case not be
    /// resolved earlier; 24h when nothing is said.
    pub(crate) compare_within: Option<Length>,
    /// In shadow: the read that shows whether people did it otherwise, where the contract's verification cannot, because
    /// it looks for the key of a write of our own. Sees what a verification sees.
    pub(crate) compare: Option<ReadBackRule>,
    /// The escalation policy by which operators are asked when it is demoted; that of the routing when nothing is said.
    pub(crate) alarm: Option<String>,
    /// A person put it back after a demotion; `belay graduate --restore` writes this.
    pub(crate) restored: Option<RestoredRule>,
}

/// Who put a contract back after which demotion, and why.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RestoredRule {
    /// The case in which people were asked about the demotion. A later demotion stands.
    pub(crate) demotion: String,
    /// Who.
    pub(crate) by: String,
    /// Why.
    pub(crate) reason: String,
}
