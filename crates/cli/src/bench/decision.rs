//! What a decision costs: boundary, schema, provenance, conditions, limits and fifty policies, beside one bare evaluation of
//! the same policies over the same request, taken in turns in the same run. Nothing is sent and nothing is written.

use std::hint::black_box;
use std::path::Path;
use std::time::{Duration, Instant};

use belay_domain::{AgentId, ContractId, Epoch, Provenance, Ruling, Source, Timestamp};
use belay_playbook::{CaseFacts, Playbook, ProposalFacts, Reads, Usage, Used};
use hdrhistogram::Histogram;

use super::meter::Reading;
use crate::exit::{Exit, Failure};

/// The longest that is told apart, in nanoseconds.
const LONGEST: u64 = 10_000_000_000;

/// How many of one kind are done before the other has its turn: few enough that both see the same machine.
const TURN: usize = 32;

/// What was measured.
#[derive(Debug)]
pub(crate) struct Cost {
    /// Whole decisions.
    pub(crate) decision: Reading,
    /// Bare evaluations.
    pub(crate) bare: Reading,
    /// How many bare evaluations half of the decisions, and ninety-nine of a hundred of both, cost.
    pub(crate) ratios: (f64, f64),
}

/// Measures decisions on the playbook of this folder.
pub(crate) fn measure(folder: &Path, warm_up: Duration, length: Duration) -> Result<Cost, Failure> {
    let playbook = Playbook::load(folder).map_err(|problems| {
        Failure::of("the playbook of the measurements does not load", &problems)
    })?;
    let proposal = Proposal::usual(&playbook)?;
    let facts = proposal.facts();
    if playbook.assess(&facts).ruling != Ruling::Allow {
        return Err(Failure::new(Exit::Failed, "the write that is measured is not allowed"));
    }
    let bare = playbook
        .bare(&facts)
        .ok_or_else(|| Failure::new(Exit::Failed, "the policies cannot be asked"))?;
    let decide = || {
        let keys = playbook.usage_keys(
            &proposal.contract,
            &proposal.input,
            &proposal.case,
            &proposal.agent,
        );
        black_box(keys);
        black_box(playbook.assess(black_box(&facts)));
    };
    let evaluate = || {
        black_box(black_box(&bare).evaluate());
    };
    let mut decisions = times()?;
    let mut evaluations = times()?;
    turns(warm_up, decide, evaluate, &mut decisions, &mut evaluations);
    decisions.reset();
    evaluations.reset();
    turns(length, decide, evaluate, &mut decisions, &mut evaluations);
    let ratio = |quantile| {
        let of = |times: &Histogram<u64>| times.value_at_quantile(quantile).max(1) as f64;
        of(&decisions) / of(&evaluations)
    };
    let ratios = (ratio(0.5), ratio(0.99));
    Ok(Cost { decision: reading(&decisions), bare: reading(&evaluations), ratios })
}

/// Does both in turns for so long.
fn turns(
    length: Duration,
    decide: impl Fn(),
    evaluate: impl Fn(),
    decisions: &mut Histogram<u64>,
    evaluations: &mut Histogram<u64>,
) {
    let began = Instant::now();
    while began.elapsed() < length {
        for _ in 0..TURN {
            timed(&decide, decisions);
        }
        for _ in 0..TURN {
            timed(&evaluate, evaluations);
        }
    }
}

fn timed(work: impl Fn(), times: &mut Histogram<u64>) {
    let began = Instant::now();
    work();
    let took = u64::try_from(began.elapsed().as_nanos()).unwrap_or(LONGEST);
    times.saturating_record(took.max(1));
}

fn times() -> Result<Histogram<u64>, Failure> {
    Histogram::new_with_bounds(1, LONGEST, 3).map_err(|error| Failure::of("cannot measure", &error))
}

/// How long the one kind took, its seconds being those in which it was at work.
fn reading(times: &Histogram<u64>) -> Reading {
    let micros = |nanos: u64| nanos.div_ceil(1_000);
    Reading {
        count: times.len(),
        seconds: times.mean() * times.len() as f64 / 1e9,
        p50: micros(times.value_at_quantile(0.5)),
        p99: micros(times.value_at_quantile(0.99)),
    }
}

/// The write that is decided on, as it arrives in the scenario `action`.
struct Proposal {
    case: CaseFacts,
    agent: AgentId,
    contract: ContractId,
    input: String,
    provenance: Vec<(String, Provenance)>,
    reads: Reads,
    usage: Usage,
}

impl Proposal {
    fn usual(playbook: &Playbook) -> Result<Self, Failure> {
        let id = |error: belay_domain::InvalidId| Failure::of("cannot make a proposal", &error);
        let case = CaseFacts {
            tenant: "default".parse().map_err(id)?,
            id: "c-0123456789abcdef".parse().map_err(id)?,
            kind: "action".to_owned(),
            severity: None,
            channel: "api".to_owned(),
            customer: "customer-1".to_owned(),
            subject: "something to be noted".to_owned(),
            labels: vec![("lane".to_owned(), "1".to_owned())],
        };
        let agent: AgentId = "writer-1".parse().map_err(id)?;
        let contract: ContractId = "bench.note@1".parse().map_err(id)?;
        let input = r#"{"amount_minor":1250,"currency":"USD","customer":"customer-1","text":"A note about a customer, of the usual length."}"#;
        let record = |reference: &str| Provenance {
            source: Source::SystemOfRecord,
            reference: reference.to_owned(),
        };
        let keys = playbook.usage_keys(&contract, input, &case, &agent);
        Ok(Self {
            usage: keys.into_iter().map(|key| (key.key, Used { minor: 100, count: 1 })).collect(),
            case,
            agent,
            contract,
            input: input.to_owned(),
            provenance: vec![("/amount_minor".to_owned(), record("records/1"))],
            reads: Reads::default(),
        })
    }

    fn facts(&self) -> ProposalFacts<'_> {
        ProposalFacts {
            case: &self.case,
            epoch: Epoch::default(),
            agent: &self.agent,
            contract: &self.contract,
            input: &self.input,
            provenance: &self.provenance,
            reads: &self.reads,
            usage: &self.usage,
            now: Timestamp::UNIX_EPOCH,
            duplicate: None,
            heard: Some(&[Source::SystemOfRecord]),
            outside_text: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::measure;
    use crate::bench::playbook::{Staff, write};

    #[test]
    fn both_are_measured_and_a_decision_costs_more_than_its_policies() {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), "http://127.0.0.1:1", Staff::default()).unwrap();
        let cost = measure(folder.path(), Duration::ZERO, Duration::from_millis(50)).unwrap();
        assert!(cost.decision.count >= 32 && cost.bare.count >= 32, "{cost:?}");
        assert!(cost.ratios.0 > 1.0, "{cost:?}");
    }
}
