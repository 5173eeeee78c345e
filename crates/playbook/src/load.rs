//! From files to a playbook: read all of them, hold each against its form, gather all names, compile everything, and
//! report whatever was wrong on the way.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use belay_adapter::Description;
use belay_domain::{AfterResolution, ReasonCode, ResolutionCode, Severity, Target};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::approval::{Asking, Tiers};
use crate::calendars::Calendars;
use crate::check::{Check, Names};
use crate::document::Document;
use crate::escalation::{EscalationPolicy, Ground};
use crate::format::{
    AgentsFile, BoundaryFile, CalendarsFile, ContractFile, DictionaryFile, EscalationFile,
    IdentityFile, OperationsFile, OutsideText, PeopleFile, PlaybookFile, RoutingFile, SystemsFile,
    TaxonomyFile,
};
use crate::people::{Agent, Boundary};
use crate::policy::{Policies, World};
use crate::problem::{Problem, Problems};
use crate::routing::Routing;
use crate::schema::{self, FileKind};
use crate::source::{self, SourceFile};
use crate::staff::Staff;
use crate::{Playbook, check, contract, dictionary, identity, operations, people, system};

/// One file that has been read, and whether it has the form of its kind.
struct Read {
    kind: FileKind,
    document: Document,
    sound: bool,
}

/// Compiles a playbook from its files.
pub(crate) fn load(files: &[SourceFile]) -> Result<Playbook, Problems> {
    let mut problems = Vec::new();
    let (reads, policies) = read(files, &mut problems);
    let mut names = names(&reads, files);
    names.adapters = adapters(&reads, files, &mut problems);
    let playbook = compile(&reads, &policies, &names, files, &mut problems);
    match (Problems::of(problems), playbook) {
        (None, Some(playbook)) => Ok(playbook),
        (Some(problems), _) => Err(problems),
        (None, None) => Err(Problems::unexplained()),
    }
}

fn read(files: &[SourceFile], problems: &mut Vec<Problem>) -> (Vec<Read>, Vec<(String, String)>) {
    let mut reads: Vec<Read> = Vec::new();
    let mut policies = Vec::new();
    let whole = |file: &str, what: String, remedy: &str| Problem {
        file: file.to_owned(),
        line: 0,
        column: 0,
        what,
        remedy: remedy.to_owned(),
    };
    for file in files {
        if file.path.ends_with(".cedar") {
            policies.push((file.path.clone(), file.text.clone()));
            continue;
        }
        let Some(kind) = FileKind::of(&file.path) else {
            problems.push(whole(
                &file.path,
                "this is no file of a playbook".to_owned(),
                "files are playbook, systems, agents, routing, taxonomy, dictionary, identity, operations, \
                 calendars, people.yaml, and \
                 those in contracts/, boundaries/, escalations/, adapters/",
            ));
            continue;
        };
        match Document::parse(&file.path, &file.text) {
            Err(problem) => problems.push(problem),
            Ok(document) => {
                let differences = schema::differences(kind, &document);
                let sound = differences.is_empty();
                problems.extend(differences);
                reads.push(Read { kind, document, sound });
            }
        }
    }
    for (kind, why) in [
        (FileKind::Playbook, "it says the playbook's name"),
        (FileKind::Systems, "it says which systems there are"),
        (FileKind::Agents, "it says which agents there are"),
        (FileKind::Routing, "it says who gets a case"),
        (FileKind::Taxonomy, "it says how a case can be resolved"),
    ] {
        if !files.iter().any(|file| FileKind::of(&file.path) == Some(kind)) {
            let name = format!("{}.yaml", kind.name());
            problems.push(whole(&name, "this file is missing".to_owned(), why));
        }
    }
    (reads, policies)
}

/// The descriptions of ticket systems. One that is wrong is there all the same, so that it is not missed, too.
fn adapters(
    reads: &[Read],
    files: &[SourceFile],
    problems: &mut Vec<Problem>,
) -> BTreeMap<String, Option<Arc<Description>>> {
    let own = files.iter().filter(|file| FileKind::of(&file.path) == Some(FileKind::Adapter));
    let compiled = own.map(|file| {
        let sound = reads.iter().any(|read| read.sound && read.document.file == file.path);
        let description = match sound.then(|| Description::compile(&file.path, &file.text)) {
            Some(Ok(description)) => Some(Arc::new(description)),
            Some(Err(wrong)) => {
                problems.extend(wrong.all().iter().cloned());
                None
            }
            None => None,
        };
        (file.path.clone(), description)
    });
    compiled.collect()
}

/// All names, also from files that are otherwise not sound, so that one mistake is not reported as many.
fn names(reads: &[Read], files: &[SourceFile]) -> Names {
    let of = |kind| reads.iter().filter(move |read| read.kind == kind);
    // A file that could not be read at all may have had any name in it.
    let complete = |kind| {
        let written = files.iter().filter(|file| FileKind::of(&file.path) == Some(kind)).count();
        written == of(kind).count()
    };
    let keys = |kind, pointer: &str| -> Option<BTreeSet<String>> {
        let members = of(kind).next()?.document.value.pointer(pointer).and_then(Value::as_object);
        Some(members.map(|members| members.keys().cloned().collect()).unwrap_or_default())
    };
    let fields = |kind, pointer: &str| -> Option<BTreeSet<String>> {
        let name = |read: &Read| Some(read.document.value.pointer(pointer)?.as_str()?.to_owned());
        complete(kind).then(|| of(kind).filter_map(name).collect())
    };
    let systems = of(FileKind::Systems).next().map(|read| {
        let systems = read.document.value.get("systems").and_then(Value::as_object);
        let queues = |system: &Value| -> BTreeSet<String> {
            let queues = system.get("queues").and_then(Value::as_object);
            queues.map(|queues| queues.keys().cloned().collect()).unwrap_or_default()
        };
        systems
            .map(|systems| systems.iter().map(|(id, rule)| (id.clone(), queues(rule))).collect())
            .unwrap_or_default()
    });
    Names {
        systems,
        roles: keys(FileKind::Agents, "/roles"),
        agents: keys(FileKind::Agents, "/agents"),
        groups: keys(FileKind::Playbook, "/groups"),
        resolutions: keys(FileKind::Taxonomy, "/resolutions"),
        reasons: keys(FileKind::Taxonomy, "/reasons"),
        contracts: fields(FileKind::Contract, "/id"),
        boundaries: fields(FileKind::Boundary, "/name"),
        escalations: fields(FileKind::Escalation, "/name"),
        adapters: BTreeMap::new(),
        calendars: if files.iter().any(|file| FileKind::of(&file.path) == Some(FileKind::Calendars))
        {
            keys(FileKind::Calendars, "/calendars")
        } else {
            Some(BTreeSet::new())
        },
        fields: complete(FileKind::Dictionary).then(|| {
            let dictionaries = of(FileKind::Dictionary);
            dictionaries.flat_map(|read| dictionary_fields(&read.document.value)).collect()
        }),
    }
}

/// The fields of a dictionary, as `OBJECT.FIELD`.
fn dictionary_fields(dictionary: &Value) -> Vec<String> {
    let objects = dictionary.get("objects").and_then(Value::as_object);
    let named = objects.into_iter().flatten().flat_map(|(object, rule)| {
        let fields = rule.get("fields").and_then(Value::as_object);
        fields.into_iter().flatten().map(move |(field, _)| format!("{object}.{field}"))
    });
    named.collect()
}

/// Compiles whatever is sound. Without `playbook.yaml` the other files are checked against its defaults.
fn compile(
    reads: &[Read],
    policies: &[(String, String)],
    names: &Names,
    files: &[SourceFile],
    problems: &mut Vec<Problem>,
) -> Option<Playbook> {
    let general: Option<PlaybookFile> =
        typed(reads, FileKind::Playbook, problems).pop().map(|f| f.1);
    let scale = general.as_ref().map_or(1.0, |general| general.timing_scale);
    let fallback = crate::format::Defaults::default();
    let defaults = general.as_ref().map_or(&fallback, |general| &general.defaults);
    let mut work = Work { reads, names, scale, problems };

    let (taxonomy, reasons) = taxonomy(&mut work);
    let tiers = general.as_ref().map_or_else(Tiers::default, |general| {
        work.check(FileKind::Playbook, |check| {
            limits_of(check, general);
            Tiers::compile(check, general)
        })
    });
    let systems = work
        .each::<SystemsFile, _>(FileKind::Systems, |check, file| Some(system::compile(check, file)))
        .pop();
    let contracts = work.each::<ContractFile, _>(FileKind::Contract, |check, file| {
        contract::compile(check, file, defaults, &tiers)
    });
    let boundaries: Vec<Boundary> = work
        .each::<BoundaryFile, _>(FileKind::Boundary, |check, file| {
            Some(people::boundary(check, file))
        });
    let agents: BTreeMap<_, Agent> = work
        .each::<AgentsFile, _>(FileKind::Agents, |check, file| Some(people::agents(check, file)))
        .pop()
        .unwrap_or_default();
    let calendars = work
        .each::<CalendarsFile, _>(FileKind::Calendars, |check, file| {
            Some(Calendars::compile(check, file))
        })
        .pop()
        .unwrap_or_default();
    let staff = work
        .each::<PeopleFile, _>(FileKind::People, |check, file| Some(Staff::compile(check, file)))
        .pop()
        .unwrap_or_default();
    let ground = Ground { defaults, taxonomy: &taxonomy, calendars: &calendars };
    let escalations: BTreeMap<String, EscalationPolicy> = work
        .each::<EscalationFile, _>(FileKind::Escalation, |check, file| {
            Some((file.name.clone(), EscalationPolicy::compile(check, &file, &ground)))
        })
        .into_iter()
        .collect();
    let systems: Option<BTreeMap<_, _>> =
        systems.map(|all| all.into_iter().map(|system| (system.id.clone(), system)).collect());
    if let (Some(general), Some(systems)) = (&general, &systems) {
        let asking = Asking { escalations: &escalations, staff: &staff, systems };
        work.check(FileKind::Playbook, |check| asking.of_tiers(check, general));
        work.each::<ContractFile, ()>(FileKind::Contract, |check, file| {
            asking.of_contract(check, &file);
            check.reason_codes(&file);
            None
        });
    }
    let routing = work
        .each::<RoutingFile, _>(FileKind::Routing, |check, file| {
            Some(Routing::compile(check, &file, defaults))
        })
        .pop();
    let ground = dictionary::Ground { defaults, systems: systems.as_ref(), contracts: &contracts };
    let dictionary = work
        .each::<DictionaryFile, _>(FileKind::Dictionary, |check, file| {
            Some(dictionary::compile(check, &file, &ground))
        })
        .pop()
        .unwrap_or_default();
    let identities = work
        .each::<IdentityFile, _>(FileKind::Identity, |check, file| {
            Some(identity::compile(check, &file))
        })
        .pop()
        .unwrap_or_default();
    let operations = work
        .each::<OperationsFile, _>(FileKind::Operations, |check, file| {
            Some(operations::compile(check, file))
        })
        .pop()
        .unwrap_or_default();
    duplicates(&mut work);

    let inputs: BTreeSet<String> = contracts
        .iter()
        .filter_map(|contract| contract.schema.get("properties").and_then(Value::as_object))
        .flat_map(|properties| properties.keys().cloned())
        .collect();
    let all_compiled =
        contracts.len() == reads.iter().filter(|r| r.kind == FileKind::Contract).count();
    let world = World {
        agents: agents
            .iter()
            .map(|(id, agent)| (id, agent.roles.iter().map(|role| role.as_str()).collect()))
            .collect(),
        contracts: contracts.iter().map(|c| (c.id.as_str(), c.system.as_str())).collect(),
        schemas: contracts.iter().map(|contract| &contract.schema).collect(),
    };
    let inputs = all_compiled.then_some(&inputs);
    let policies = Policies::compile(policies, &world, names, inputs, problems);
    let general = general?;
    Some(Playbook {
        version: source::version(files),
        severity: Severity::from(general.defaults.severity),
        raises_tier: general.outside_text == OutsideText::RaiseTier,
        assess_within: check::scaled(general.defaults.assess_within, scale),
        name: general.name,
        tiers,
        systems: systems?,
        contracts: contracts.into_iter().map(|contract| (contract.id.clone(), contract)).collect(),
        boundaries: boundaries.into_iter().map(|b| (b.name.clone(), b)).collect(),
        agents,
        escalations,
        staff,
        routing: routing?,
        resolutions: taxonomy,
        reasons,
        operations,
        identities,
        dictionary,
        policies,
    })
}

/// What is compiled, and where its problems go.
struct Work<'a> {
    reads: &'a [Read],
    names: &'a Names,
    scale: f64,
    problems: &'a mut Vec<Problem>,
}

impl Work<'_> {
    /// Compiles every sound file of a kind.
    fn each<T: DeserializeOwned, C>(
        &mut self,
        kind: FileKind,
        mut compile: impl FnMut(&mut Check<'_>, T) -> Option<C>,
    ) -> Vec<C> {
        let (names, scale) = (self.names, self.scale);
        let files = typed(self.reads, kind, self.problems);
        let compiled = files.into_iter().filter_map(|(document, file)| {
            compile(&mut Check { document, names, problems: self.problems, scale }, file)
        });
        compiled.collect()
    }

    /// Checks something about the first file of a kind.
    fn check<C: Default>(&mut self, kind: FileKind, check: impl FnOnce(&mut Check<'_>) -> C) -> C {
        let Some(read) = self.reads.iter().find(|read| read.kind == kind) else {
            return C::default();
        };
        check(&mut Check {
            document: &read.document,
            names: self.names,
            problems: self.problems,
            scale: self.scale,
        })
    }
}

fn typed<'a, T: DeserializeOwned>(
    reads: &'a [Read],
    kind: FileKind,
    problems: &mut Vec<Problem>,
) -> Vec<(&'a Document, T)> {
    let mut files = Vec::new();
    for read in reads.iter().filter(|read| read.kind == kind && read.sound) {
        match serde_json::from_value(read.document.value.clone()) {
            Ok(file) => files.push((&read.document, file)),
            // The schema cannot say everything, such as how long a name may be after decoding.
            Err(error) => problems.push(Problem {
                file: read.document.file.clone(),
                line: 0,
                column: 0,
                what: error.to_string(),
                remedy: "compare it with the published schema".to_owned(),
            }),
        }
    }
    files
}

/// The most reason codes. They are copied into every approval, and nobody chooses from more.
const REASONS_MAX: usize = 64;

/// The codes that cases are resolved with, and those that people give when they say no.
fn taxonomy(
    work: &mut Work<'_>,
) -> (BTreeMap<ResolutionCode, AfterResolution>, BTreeMap<ReasonCode, String>) {
    let mut codes = work.each::<TaxonomyFile, _>(FileKind::Taxonomy, |check, file| {
        let mut codes = BTreeMap::new();
        if file.reasons.len() > REASONS_MAX {
            let what = format!("{} reason codes; nobody chooses from so many", file.reasons.len());
            check.wrong("/reasons", what, "keep at most 64");
        }
        for (code, rule) in file.resolutions {
            let pointer = format!("{}/means", crate::json::child("/resolutions", code.as_str()));
            let means = match rule.means.0 {
                None => AfterResolution::Resolve,
                Some(target) => {
                    match &target {
                        Target::Role(role) => {
                            check.known(&pointer, "role", role.as_str(), |n| n.roles.as_ref());
                        }
                        Target::Agent(agent) => {
                            check.known(&pointer, "agent", agent.as_str(), |n| n.agents.as_ref());
                        }
                    }
                    AfterResolution::Return(target)
                }
            };
            codes.insert(code, means);
        }
        Some((codes, file.reasons))
    });
    codes.pop().unwrap_or_default()
}

/// What the defaults may be: a promise of coverage rests on fresh evidence, and a permit on being short.
fn limits_of(check: &mut Check<'_>, general: &PlaybookFile) {
    let defaults = &general.defaults;
    let seconds = belay_domain::Span::from_secs;
    check.span_up_to("/defaults/freshness", defaults.freshness, seconds(300));
    check.span_up_to("/defaults/permit_within", defaults.permit_within, seconds(60));
    check.span_up_to("/defaults/lease", defaults.lease, seconds(300));
    check.span_up_to("/defaults/look_every", defaults.look_every, seconds(150));
    if defaults.backoff.first.0 > defaults.backoff.most.0 {
        check.wrong("/defaults/backoff", "the first wait is longer than the longest", "swap them");
    }
}

/// Two files must not say the same name.
fn duplicates(work: &mut Work<'_>) {
    let mut seen: BTreeMap<(FileKind, String), String> = BTreeMap::new();
    for read in work.reads {
        let (pointer, what) = match read.kind {
            FileKind::Contract => ("/id", "contract"),
            FileKind::Boundary => ("/name", "boundary"),
            FileKind::Escalation => ("/name", "escalation policy"),
            _ => continue,
        };
        let Some(name) = read.document.value.pointer(pointer).and_then(Value::as_str) else {
            continue;
        };
        let file = read.document.file.clone();
        if let Some(first) = seen.insert((read.kind, name.to_owned()), file) {
            let place = read.document.place(pointer);
            work.problems.push(Problem {
                file: read.document.file.clone(),
                line: place.line,
                column: place.column,
                what: format!("there is already a {what} {name} in {first}"),
                remedy: "give it another name or version".to_owned(),
            });
        }
    }
}
