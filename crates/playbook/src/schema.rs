//! The published form of each kind of file, and holding a file against it: every unknown field, wrong type and
//! missing field at once, each with its place and what to do.

use std::sync::LazyLock;

use belay_adapter::Description;
use belay_expression::form::Form;
use serde_json::Value;

use crate::document::Document;
use crate::format::{
    AgentsFile, BoundaryFile, CalendarsFile, ContractFile, DictionaryFile, EscalationFile, FORMS,
    IdentityFile, OperationsFile, PeopleFile, PlaybookFile, RoutingFile, SystemsFile, TaxonomyFile,
};
use crate::problem::Problem;

/// The kinds of YAML files in a playbook.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum FileKind {
    /// `playbook.yaml`.
    Playbook,
    /// `systems.yaml`.
    Systems,
    /// `agents.yaml`.
    Agents,
    /// `routing.yaml`.
    Routing,
    /// `taxonomy.yaml`.
    Taxonomy,
    /// `dictionary.yaml`.
    Dictionary,
    /// `identity.yaml`.
    Identity,
    /// `operations.yaml`.
    Operations,
    /// `calendars.yaml`.
    Calendars,
    /// `people.yaml`.
    People,
    /// `contracts/*.yaml`.
    Contract,
    /// `boundaries/*.yaml`.
    Boundary,
    /// `escalations/*.yaml`.
    Escalation,
    /// `adapters/*.yaml`.
    Adapter,
}

static PUBLISHED: LazyLock<Vec<Form>> =
    LazyLock::new(|| FileKind::ALL.iter().map(|kind| kind.form()).collect());

impl FileKind {
    /// Every kind.
    pub const ALL: [Self; 14] = [
        Self::Playbook,
        Self::Systems,
        Self::Agents,
        Self::Routing,
        Self::Taxonomy,
        Self::Dictionary,
        Self::Identity,
        Self::Operations,
        Self::Calendars,
        Self::People,
        Self::Contract,
        Self::Boundary,
        Self::Escalation,
        Self::Adapter,
    ];

    /// The kind's name, as its schema's file is called.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Playbook => "playbook",
            Self::Systems => "systems",
            Self::Agents => "agents",
            Self::Routing => "routing",
            Self::Taxonomy => "taxonomy",
            Self::Dictionary => "dictionary",
            Self::Identity => "identity",
            Self::Operations => "operations",
            Self::Calendars => "calendars",
            Self::People => "people",
            Self::Contract => "contract",
            Self::Boundary => "boundary",
            Self::Escalation => "escalation",
            Self::Adapter => "adapter",
        }
    }

    /// The JSON Schema of this kind, for editors.
    #[must_use]
    pub fn schema(self) -> &'static Value {
        PUBLISHED[self as usize].schema()
    }

    /// The kind of the file at this path of a playbook.
    pub(crate) fn of(path: &str) -> Option<Self> {
        match path.rsplit_once('/') {
            Some(("contracts", _)) => Some(Self::Contract),
            Some(("boundaries", _)) => Some(Self::Boundary),
            Some(("escalations", _)) => Some(Self::Escalation),
            Some(("adapters", _)) => Some(Self::Adapter),
            Some(_) => None,
            None => match path.rsplit_once('.').map_or(path, |(stem, _)| stem) {
                "playbook" => Some(Self::Playbook),
                "systems" => Some(Self::Systems),
                "agents" => Some(Self::Agents),
                "routing" => Some(Self::Routing),
                "taxonomy" => Some(Self::Taxonomy),
                "dictionary" => Some(Self::Dictionary),
                "identity" => Some(Self::Identity),
                "operations" => Some(Self::Operations),
                "calendars" => Some(Self::Calendars),
                "people" => Some(Self::People),
                _ => None,
            },
        }
    }

    fn form(self) -> Form {
        match self {
            Self::Playbook => Form::of::<PlaybookFile>(FORMS),
            Self::Systems => Form::of::<SystemsFile>(FORMS),
            Self::Agents => Form::of::<AgentsFile>(FORMS),
            Self::Routing => Form::of::<RoutingFile>(FORMS),
            Self::Taxonomy => Form::of::<TaxonomyFile>(FORMS),
            Self::Dictionary => Form::of::<DictionaryFile>(FORMS),
            Self::Identity => Form::of::<IdentityFile>(FORMS),
            Self::Operations => Form::of::<OperationsFile>(FORMS),
            Self::Calendars => Form::of::<CalendarsFile>(FORMS),
            Self::People => Form::of::<PeopleFile>(FORMS),
            Self::Contract => Form::of::<ContractFile>(FORMS),
            Self::Boundary => Form::of::<BoundaryFile>(FORMS),
            Self::Escalation => Form::of::<EscalationFile>(FORMS),
            Self::Adapter => Description::form(),
        }
    }
}

/// Everything in which a file differs from the form of its kind.
pub(crate) fn differences(kind: FileKind, document: &Document) -> Vec<Problem> {
    PUBLISHED[kind as usize].differences(document)
}
