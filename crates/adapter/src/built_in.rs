//! The descriptions that come with Belay.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use crate::description::Description;

/// The names of the descriptions that come with Belay, and their texts.
pub const BUILT_IN: &[(&str, &str)] = &[
    ("servicenow", include_str!("../descriptions/servicenow.yaml")),
    ("jira-service-management", include_str!("../descriptions/jira-service-management.yaml")),
    ("zendesk", include_str!("../descriptions/zendesk.yaml")),
    ("pagerduty", include_str!("../descriptions/pagerduty.yaml")),
    ("goalert", include_str!("../descriptions/goalert.yaml")),
];

static COMPILED: LazyLock<BTreeMap<&str, Arc<Description>>> = LazyLock::new(|| {
    let compiled = BUILT_IN.iter().filter_map(|(name, text)| {
        let description = Description::compile(&format!("{name}.yaml"), text);
        debug_assert!(description.is_ok(), "{description:?}");
        Some((*name, Arc::new(description.ok()?)))
    });
    compiled.collect()
});

/// A description that comes with Belay.
#[must_use]
pub fn built_in(name: &str) -> Option<Arc<Description>> {
    COMPILED.get(name).cloned()
}
