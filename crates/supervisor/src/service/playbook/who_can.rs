//! Who may carry out a contract now: what the playbook says, held against what has been used, who is connected, who could be
//! asked, and what was demoted.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use belay_api::v1;
use belay_domain::{CaseId, QueueRef, TenantId, Timestamp};
use belay_playbook::{Contract, Counter, Playbook, Supposed, Usage, Used};
use futures_util::future::join_all;

use super::Service;
use crate::caller::Caller;
use crate::engine::Refused;
use crate::facts::case_facts;
use crate::wire::from_wire::Fields;
use crate::wire::{Fault, to_wire};

/// What is asked.
struct Question {
    tenant: TenantId,
    contract: String,
    input: Option<String>,
    supposed: Supposed,
}

/// The whole answer.
pub(super) async fn answer(
    service: &Service,
    caller: &Caller,
    request: v1::WhoCanRequest,
) -> Result<v1::WhoCanResponse, Fault> {
    let question = question(service, caller, request).await?;
    let playbook = service.shared.playbooks.current();
    let asked = super::named(&playbook, &question.contract)?;
    let now = service.shared.now();
    let mut contracts = Vec::new();
    for contract in asked {
        contracts.push(authority(service, &playbook, contract, &question, now).await?);
    }
    Ok(v1::WhoCanResponse {
        playbook_version: playbook.version().to_string(),
        as_of: Some(to_wire::time(now)),
        contracts,
    })
}

async fn question(
    service: &Service,
    caller: &Caller,
    request: v1::WhoCanRequest,
) -> Result<Question, Fault> {
    let v1::WhoCanRequest {
        tenant,
        contract,
        input_json,
        case_id,
        customer,
        kind,
        channel,
        labels,
    } = request;
    let tenant = caller.tenant(&tenant)?;
    let mut fields = Fields::new();
    let input = input_json.map(|input| fields.text("input_json", input));
    let (customer, kind) = (fields.line("customer", customer), fields.line("kind", kind));
    let channel = fields.line("channel", channel);
    let labels = fields.labels("labels", labels);
    let case: Option<CaseId> = fields.id_or_none("case_id", &case_id);
    fields.done(Some(()))?;
    let mut supposed = Supposed {
        tenant: Some(tenant.clone()),
        case: None,
        customer: Some(customer).filter(|customer| !customer.is_empty()),
        kind,
        channel,
        severity: None,
        labels,
    };
    let mut tenant = tenant;
    if let Some(case) = case {
        let facts = case_facts(service.shared.case(caller, &case).await?.as_ref());
        tenant = facts.tenant.clone();
        supposed = Supposed {
            tenant: Some(facts.tenant),
            case: Some(facts.id),
            customer: Some(facts.customer),
            kind: facts.kind,
            channel: facts.channel,
            severity: facts.severity,
            labels: facts.labels,
        };
    }
    Ok(Question { tenant, contract, input, supposed })
}

async fn authority(
    service: &Service,
    playbook: &Arc<Playbook>,
    contract: &Contract,
    question: &Question,
    now: Timestamp,
) -> Result<v1::ContractAuthority, Fault> {
    let shared = &service.shared;
    let may = playbook.who_can(contract.id());
    let counters: Vec<Vec<Counter>> = may
        .iter()
        .map(|one| match one.may.freedom() {
            0 => Vec::new(),
            _ => playbook.counters(contract, &question.supposed, &one.agent),
        })
        .collect();
    let usage = usage(service, &question.tenant, counters.iter().flatten(), now).await?;
    let connected: BTreeSet<_> = shared
        .sessions
        .agents()
        .into_iter()
        .filter(|view| view.session.is_some())
        .map(|view| view.agent)
        .collect();
    let mut agents: Vec<v1::AgentAuthority> = may
        .iter()
        .zip(&counters)
        .map(|(one, counters)| {
            let used = counters.iter().filter_map(|counter| {
                let used = usage.get(&counter.key.as_ref()?.key)?;
                Some(to_wire::limit_used(counter, *used))
            });
            to_wire::authority(one, connected.contains(&one.agent), used.collect())
        })
        .collect();
    let mut taken = Vec::new();
    if let Some(input) = &question.input {
        let decided = playbook.who_can_with(contract.id(), input, &question.supposed, &usage, now);
        for (agent, outcome) in &decided.outcomes {
            let told = agents.iter_mut().find(|told| told.agent_id == agent.as_str());
            told.into_iter().for_each(|told| to_wire::comes_out(told, outcome));
        }
        taken = decided.taken;
    }
    let policies: BTreeSet<&str> = may
        .iter()
        .filter_map(|one| one.approval.as_ref())
        .map(|asked| asked.escalation.as_str())
        .collect();
    let mut queues: Vec<QueueRef> = Vec::new();
    for queue in policies.iter().flat_map(|it| playbook.asked_through(it, &question.supposed)) {
        if !queues.contains(&queue) {
            queues.push(queue);
        }
    }
    let demotion = shared.playbooks.demotions().of(contract);
    let (mode_in_force, demotion) = to_wire::mode_in_force(contract, demotion.as_ref());
    Ok(v1::ContractAuthority {
        contract_id: contract.id().to_string(),
        mode: to_wire::mode(contract.mode()).into(),
        share: contract.share(),
        mode_in_force: mode_in_force.into(),
        demotion,
        agents,
        duty: duty(service, &queues).await,
        taken,
    })
}

/// What has been used under every key that is known.
async fn usage(
    service: &Service,
    tenant: &TenantId,
    counters: impl Iterator<Item = &Counter>,
    now: Timestamp,
) -> Result<Usage, Fault> {
    let keys: BTreeMap<&str, Timestamp> = counters
        .filter_map(|counter| counter.key.as_ref())
        .map(|key| (key.key.as_str(), now.saturating_sub(key.window).unwrap_or(Timestamp::MIN)))
        .collect();
    let limits = keys.iter().map(|(key, since)| ((*key).to_owned(), *since)).collect();
    let journal = service.shared.engine.journal();
    let (totals, _) = journal
        .totals(tenant.as_str(), limits, None, None)
        .await
        .map_err(|failure| Fault::from(Refused::Unreadable(Arc::new(failure))))?;
    let used = totals.iter().map(|it| Used { minor: it.amount_minor, count: it.count });
    Ok(keys.into_keys().map(str::to_owned).zip(used).collect())
}

/// Who could be asked now.
async fn duty(service: &Service, queues: &[QueueRef]) -> Vec<v1::QueueDuty> {
    let _one_at_a_time = service.checking.lock().await;
    let looks = queues.iter().map(|queue| async move {
        let looked = service.look(queue).await;
        to_wire::duty(queue, &looked)
    });
    join_all(looks).await
}
