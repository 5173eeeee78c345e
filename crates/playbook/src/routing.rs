//! Who gets a case first, and under which terms it is opened.

use belay_domain::{CaseTerms, ContextEntry, Digest, Severity, Span, Target};

use crate::Playbook;
use crate::check::Check;
use crate::facts::CaseFacts;
use crate::format::{Defaults, RouteRule, RoutingFile};
use crate::matter::Matter;

/// The rules in their order; the last one fits everything.
#[derive(Debug, Default)]
pub(crate) struct Routing {
    routes: Vec<Route>,
    bounces_max: u32,
}

/// Which cases go to whom.
#[derive(Debug)]
pub struct Route {
    name: String,
    kinds: Vec<String>,
    channels: Vec<String>,
    severities: Vec<Severity>,
    labels: Vec<(String, String)>,
    to: Option<Target>,
    severity: Option<Severity>,
    takeover: String,
    lease: Span,
    seek_within: Span,
    offer_within: Span,
    matter: Matter,
}

impl Routing {
    /// Compiles `routing.yaml`.
    pub(crate) fn compile(check: &mut Check<'_>, file: &RoutingFile, defaults: &Defaults) -> Self {
        let mut routes: Vec<Route> = file
            .rules
            .iter()
            .enumerate()
            .map(|(index, rule)| {
                let place = format!("rule {}", index + 1);
                route(check, &format!("/rules/{index}"), place, rule, defaults)
            })
            .collect();
        if file.otherwise.when.is_some() {
            check.wrong("/otherwise/when", "this rule is for every other case", "remove when");
        }
        routes.push(route(check, "/otherwise", "otherwise".to_owned(), &file.otherwise, defaults));
        Self { routes, bounces_max: defaults.bounces_max }
    }

    /// The rules in the order in which they are tried.
    pub(crate) fn routes(&self) -> &[Route] {
        &self.routes
    }

    /// The terms for a case. None when the playbook has no routes, which loading excludes.
    pub(crate) fn open(
        &self,
        playbook: &Playbook,
        version: Digest,
        case: &CaseFacts,
    ) -> Option<CaseTerms> {
        let route = self.route(playbook, case)?;
        let severity = case.severity.or(route.severity).unwrap_or(playbook.severity);
        Some(CaseTerms {
            playbook: version,
            severity,
            route: route.to.clone(),
            seek_within: route.seek_within,
            offer_within: route.offer_within,
            lease: route.lease,
            bounces_max: self.bounces_max,
            takeover: playbook.escalation(&route.takeover, severity)?,
        })
    }
}

impl Routing {
    /// By what a report is recognised as one of a matter that is known; none if it is a matter of its own.
    pub(crate) fn fingerprint<'a>(
        &self,
        playbook: &Playbook,
        case: &CaseFacts,
        known: impl IntoIterator<Item = &'a ContextEntry> + Clone,
    ) -> Option<Digest> {
        self.route(playbook, case)?.matter.fingerprint(case, known)
    }

    /// The first rule that fits, else the last.
    fn route(&self, playbook: &Playbook, case: &CaseFacts) -> Option<&Route> {
        let said = case.severity.unwrap_or(playbook.severity);
        let fits = self.routes.iter().find(|route| route.fits(case, said));
        fits.or_else(|| self.routes.last())
    }
}

impl Route {
    /// Its name in the playbook, or its place where it has none.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What a case must be like, as the playbook puts it. Empty: every case fits.
    #[must_use]
    pub fn condition(&self) -> String {
        let mut parts = Vec::new();
        let mut list = |field: &str, values: &[String]| {
            if !values.is_empty() {
                parts.push(format!("{field}: [{}]", values.join(", ")));
            }
        };
        list("kind", &self.kinds);
        list("channel", &self.channels);
        let severities: Vec<String> = self.severities.iter().map(ToString::to_string).collect();
        list("severity", &severities);
        if !self.labels.is_empty() {
            let labels = self.labels.iter().map(|(key, value)| format!("{key}: {value}"));
            parts.push(format!("labels: {{{}}}", labels.collect::<Vec<_>>().join(", ")));
        }
        parts.join(", ")
    }

    /// Who gets such a case first; None means people.
    #[must_use]
    pub fn to(&self) -> Option<&Target> {
        self.to.as_ref()
    }

    /// The escalation policy by which people are asked to take it.
    #[must_use]
    pub fn takeover(&self) -> &str {
        &self.takeover
    }

    fn fits(&self, case: &CaseFacts, severity: Severity) -> bool {
        let one_of = |wanted: &[String], is: &str| {
            wanted.is_empty() || wanted.iter().any(|wanted| wanted == is)
        };
        one_of(&self.kinds, &case.kind)
            && one_of(&self.channels, &case.channel)
            && (self.severities.is_empty() || self.severities.contains(&severity))
            && self.labels.iter().all(|label| case.labels.contains(label))
    }
}

/// Compiles one rule; `place` is its name if it was given none.
fn route(
    check: &mut Check<'_>,
    pointer: &str,
    place: String,
    rule: &RouteRule,
    defaults: &Defaults,
) -> Route {
    let to = format!("{pointer}/to");
    match &rule.to.0 {
        Some(Target::Role(role)) => {
            check.known(&to, "role", role.as_str(), |names| names.roles.as_ref());
        }
        Some(Target::Agent(agent)) => {
            check.known(&to, "agent", agent.as_str(), |names| names.agents.as_ref());
        }
        None => {}
    }
    let takeover = format!("{pointer}/takeover");
    check.known(&takeover, "escalation policy", &rule.takeover, |names| names.escalations.as_ref());
    let hour = Span::from_hours(1);
    let mut span = |field: &str, own: Option<_>, otherwise| match own {
        Some(length) => check.span_up_to(&format!("{pointer}/{field}"), length, hour),
        None => check.span(otherwise),
    };
    let lease = span("lease", rule.lease, defaults.lease);
    let seek_within = span("seek_within", rule.seek_within, defaults.seek_within);
    let offer_within = span("offer_within", rule.offer_within, defaults.offer_within);
    let when = rule.when.as_ref();
    Route {
        name: if rule.name.is_empty() { place } else { rule.name.clone() },
        kinds: when.map(|when| when.kind.clone()).unwrap_or_default(),
        channels: when.map(|when| when.channel.clone()).unwrap_or_default(),
        severities: when
            .map(|when| when.severity.iter().copied().map(Severity::from).collect())
            .unwrap_or_default(),
        labels: when.map(|when| when.labels.clone().into_iter().collect()).unwrap_or_default(),
        to: rule.to.0.clone(),
        severity: rule.severity.map(Severity::from),
        takeover: rule.takeover.clone(),
        lease,
        seek_within,
        offer_within,
        matter: Matter::compile(check, &format!("{pointer}/same_matter"), &rule.same_matter),
    }
}
