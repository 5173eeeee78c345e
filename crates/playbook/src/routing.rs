//! Who gets a case first, and under which terms it is opened.

use belay_domain::{CaseTerms, Digest, Severity, Span, Target};

use crate::Playbook;
use crate::check::Check;
use crate::facts::CaseFacts;
use crate::format::{Defaults, RouteRule, RoutingFile};

/// The rules in their order; the last one fits everything.
#[derive(Debug, Default)]
pub(crate) struct Routing {
    routes: Vec<Route>,
    bounces_max: u32,
}

#[derive(Debug)]
struct Route {
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
}

impl Routing {
    /// Compiles `routing.yaml`.
    pub(crate) fn compile(check: &mut Check<'_>, file: &RoutingFile, defaults: &Defaults) -> Self {
        let mut routes: Vec<Route> = file
            .rules
            .iter()
            .enumerate()
            .map(|(index, rule)| route(check, &format!("/rules/{index}"), rule, defaults))
            .collect();
        if file.otherwise.when.is_some() {
            check.wrong("/otherwise/when", "this rule is for every other case", "remove when");
        }
        routes.push(route(check, "/otherwise", &file.otherwise, defaults));
        Self { routes, bounces_max: defaults.bounces_max }
    }

    /// The terms for a case. None when the playbook has no routes, which loading excludes.
    pub(crate) fn open(
        &self,
        playbook: &Playbook,
        version: Digest,
        case: &CaseFacts,
    ) -> Option<CaseTerms> {
        let said = case.severity.unwrap_or(playbook.severity);
        let fits = self.routes.iter().find(|route| route.fits(case, said));
        let route = fits.or_else(|| self.routes.last())?;
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

impl Route {
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

fn route(check: &mut Check<'_>, pointer: &str, rule: &RouteRule, defaults: &Defaults) -> Route {
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
    }
}
