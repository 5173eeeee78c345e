//! The contract with every field in it, and what changes when one of them does.

/// One field: what is written instead of what, and what has to come out otherwise.
pub(crate) type Row = (&'static str, Way, &'static str, &'static str, &'static str);

/// The way back that the contract is written with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Way {
    /// One request.
    One,
    /// Steps.
    Steps,
}

use Way::{One, Steps};

pub(crate) const CONTRACT: &str = "\
id: shop.sell@1
title: Sell something
description: For those who maintain it.
system: shop
object: {name: sale, id: input.item}
executor: supervisor
tier: 1
mode: live
input:
  type: object
  additionalProperties: false
  required: [item, price, others]
  properties: {item: {type: string}, price: {type: integer}, others: {type: array, items: {type: string}}, note: {type: string}}
output: {type: object, required: [id]}
provenance: {/price: [system_of_record]}
preconditions:
  reads:
    - {name: item, system: store, path: '/items/{{ input.item }}', headers: {X-Lang: en}, optional: true}
    - {name: parts, for_each: input.others, path: '/parts/{{ element }}'}
  assert:
    - {name: there, that: reads.item != null, otherwise: there is none, field: /item}
    - {name: same-price, that: reads.item.price == input.price, needs: [there], otherwise: the price differs, field: /price}
    - {name: polite, looks_for: [damn], otherwise: no curses, field: /note}
  snapshot: {price: input.price}
amount: {minor: input.price, currency: USD}
limits:
  per_action: 50.00 USD
  cumulative: [{name: day, key: customer, window: 24h, amount: 100.00 USD, count: 5}]
key: '{{ input.item }}'
execution: {method: POST, path: '/sales?for={{ input.item }}', headers: {X-Key: '{{ key }}'}, body: {item: '{{ input.item }}'}}
failures: {retryable: [409], permanent: [422], unknown: [425], answers: [{when: has(body.error), means: permanent}]}
verification: {system: ledger, path: '/proof/{{ input.item }}', headers: {X-View: full}, present: read != null, assert: [{name: whole, that: has(read.price), otherwise: there is no price}, {name: same, that: read.price == input.price, needs: [whole], otherwise: another price}], shown: \"{'id': read.id}\", settle_within: 3s}
WAY
on_divergence: escalate
permit_within: 20s
outcome_within: 21s
verify_within: 22s
retries: {attempts_max: 4, backoff: {first: 1s, most: 8s}}
approval: {quorum: 2, groups: [finance], decide_within: 20m, escalation: ask, approve_in_ticket: false}
graduation:
  sample_min: 30
  verified_min: 0.8
  override_max: 0.2
  divergences_max: 2
  window: 20d
  compare_within: 5h
  compare: {system: ledger, path: '/deeds/{{ input.item }}', headers: {X-View: all}, present: read != null, assert: [{name: full, that: has(read.price), otherwise: it is empty}, {name: equal, that: read.price == input.price, needs: [full], otherwise: unequal}], shown: \"{'deed': read.id}\"}
  alarm: ask
  restored: {demotion: c-1, by: olga, reason: mended}
";

pub(crate) const ONE_REQUEST: &str = "\
compensation:
  request: {method: DELETE, path: '/sales/{{ shown.id }}', headers: {X-Why: undo}, body: {why: undo}}
  verification: {system: ledger, path: '/undone/{{ shown.id }}', headers: {X-View: old}, present: read == null || has(read.price), assert: [{name: gone, that: read != null, otherwise: it is unclear}, {name: worth, that: read.price == input.price, needs: [gone], otherwise: other worth}], shown: \"{'was': read == null ? 0 : read.id}\", settle_within: 4s}";

pub(crate) const STEPS: &str = "\
compensation:
  steps:
    - name: back
      done: {system: ledger, path: '/back/{{ shown.id }}', headers: {X-View: new}, present: read != null, assert: [{name: filled, that: has(read.price), otherwise: not filled}, {name: matching, that: read.price == input.price, needs: [filled], otherwise: not matching}], shown: \"{'id': read.id}\", settle_within: 5s}
      reads: [{name: sale, system: store, path: '/sale/{{ shown.id }}', headers: {X-Lang: de}, optional: true}, {name: pieces, for_each: input.others, path: '/pieces/{{ element }}'}]
      assert: [{name: stands, that: reads.sale != null, otherwise: it is gone}, {name: open, that: reads.sale.price == input.price, needs: [stands], otherwise: it is closed}]
      request: {method: POST, path: '/returns?of={{ shown.id }}', headers: {X-Step: one}, body: {of: '{{ shown.id }}'}}
      object: {name: return, id: steps.back.id}
  verification: {path: '/undone/{{ shown.id }}', present: read != null}";

/// What a condition after the write cannot have.
const AFTER: &str = "name: same, that: read.price == input.price";
const AFTER_UNDO: &str = "name: worth, that: read.price == input.price";
const AFTER_STEP: &str = "name: matching, that: read.price == input.price";
const BEFORE_STEP: &str = "name: open, that: reads.sale.price == input.price";
const AFTER_PEOPLE: &str = "name: equal, that: read.price == input.price";

// One row is one line, so that the fields can be read downwards.
#[rustfmt::skip]
pub(crate) const ROWS: &[Row] = &[
    ("id", One, "id: shop.sell@1", "id: shop.sell@2", "check"),
    ("title", One, "title: Sell something", "title: Sell", "shown"),
    ("description", One, "description: For those who maintain it.", "description: 7", "check"),
    ("system", One, "system: shop\n", "system: store\n", "write"),
    ("object", One, "object: {name: sale, id: input.item}\n", "", "target"),
    ("object.name", One, "object: {name: sale", "object: {name: order", "target"),
    ("object.id", One, "id: input.item}", "id: input.price}", "target"),
    ("executor", One, "executor: supervisor", "executor: agent", "terms"),
    ("tier", One, "tier: 1", "tier: 2", "terms"),
    ("mode", One, "mode: live", "mode: shadow", "terms"),
    ("share", One, "mode: live", "mode: canary\nshare: 0.4", "canary"),
    ("input", One, "required: [item, price, others]", "required: [item, price, others, note]", "decision"),
    ("output", One, "output: {type: object, required: [id]}\n", "", "output"),
    ("provenance", One, "[system_of_record]", "[staff]", "decision"),
    ("preconditions", One, "preconditions:", "# preconditions:", "check"),
    ("preconditions.reads", One, "    - {name: parts, for_each: input.others, path: '/parts/{{ element }}'}\n", "", "reads"),
    ("preconditions.reads[].name", One, "{name: parts,", "{name: pieces,", "reads"),
    ("preconditions.reads[].system", One, "system: store, path: '/items", "path: '/items", "reads"),
    ("preconditions.reads[].for_each", One, "for_each: input.others", "for_each: \"['one']\"", "reads"),
    ("preconditions.reads[].path", One, "'/parts/{{ element }}'", "'/piece/{{ element }}'", "reads"),
    ("preconditions.reads[].headers", One, "X-Lang: en", "X-Lang: lv", "reads"),
    ("preconditions.reads[].optional", One, ", optional: true}\n    - {name: parts", "}\n    - {name: parts", "missing"),
    ("preconditions.assert", One, "    - {name: polite, looks_for: [damn], otherwise: no curses, field: /note}\n", "", "cursing"),
    ("preconditions.assert[].name", One, "name: same-price", "name: one-price", "dearer"),
    ("preconditions.assert[].that", One, "reads.item.price == input.price, needs", "reads.item.price >= input.price, needs", "cheaper"),
    ("preconditions.assert[].looks_for", One, "[damn]", "[darn]", "cursing"),
    ("preconditions.assert[].needs", One, "needs: [there], ", "", "missing"),
    ("preconditions.assert[].otherwise", One, "otherwise: the price differs, ", "", "dearer"),
    ("preconditions.assert[].field", One, "the price differs, field: /price", "the price differs, field: /item", "dearer"),
    ("preconditions.snapshot", One, "snapshot: {price: input.price}", "snapshot: {cost: input.price}", "shown"),
    ("amount", One, "amount: {minor: input.price, currency: USD}\n", "", "check"),
    ("amount.minor", One, "minor: input.price", "minor: input.price + 1", "terms"),
    ("amount.currency", One, "currency: USD", "currency: EUR", "decision"),
    ("limits", One, "limits:\n  per_action: 50.00 USD\n  cumulative:", "limits:\n  cumulative:", "dear"),
    ("limits.per_action", One, "per_action: 50.00 USD", "per_action: 5.00 USD", "decision"),
    ("limits.cumulative", One, "  cumulative: [{name: day, key: customer, window: 24h, amount: 100.00 USD, count: 5}]\n", "", "counters"),
    ("limits.cumulative[].name", One, "{name: day, key", "{name: daily, key", "counters"),
    ("limits.cumulative[].key", One, "key: customer", "key: agent", "counters"),
    ("limits.cumulative[].window", One, "window: 24h", "window: 48h", "counters"),
    ("limits.cumulative[].amount", One, "amount: 100.00 USD", "amount: 10.00 USD", "decision"),
    ("limits.cumulative[].count", One, "count: 5", "count: 1", "decision"),
    ("key", One, "key: '{{ input.item }}'", "key: '{{ input.item }}-{{ input.price }}'", "terms"),
    ("execution", One, "execution: {", "execution-: {", "check"),
    ("execution.method", One, "{method: POST, path: '/sales", "{method: PUT, path: '/sales", "write"),
    ("execution.path", One, "'/sales?for=", "'/sale?for=", "write"),
    ("execution.headers", One, "X-Key:", "X-Id:", "write"),
    ("execution.body", One, "body: {item: '{{ input.item }}'}", "body: {it: '{{ input.item }}'}", "write"),
    ("execution.form", One, "body: {item: '{{ input.item }}'}", "form: {item: '{{ input.item }}'}", "write"),
    ("failures", One, "failures: {", "failures-: {", "check"),
    ("failures.retryable", One, "retryable: [409]", "retryable: [410]", "claims"),
    ("failures.permanent", One, "permanent: [422]", "permanent: [423]", "claims"),
    ("failures.unknown", One, "unknown: [425]", "unknown: [426]", "claims"),
    ("failures.answers", One, ", answers: [{when: has(body.error), means: permanent}]", "", "claims"),
    ("failures.answers[].when", One, "has(body.error)", "has(body.failure)", "claims"),
    ("failures.answers[].means", One, "means: permanent", "means: retryable", "claims"),
    ("verification", One, "verification: {system: ledger, path: '/proof", "verification-: {system: ledger, path: '/proof", "check"),
    ("verification.system", One, "{system: ledger, path: '/proof", "{system: store, path: '/proof", "proof"),
    ("verification.path", One, "'/proof/{{", "'/prove/{{", "proof"),
    ("verification.headers", One, "X-View: full", "X-View: half", "proof"),
    ("verification.present", One, "headers: {X-View: full}, present: read != null", "headers: {X-View: full}, present: read == null", "judged"),
    ("verification.assert", One, "assert: [{name: whole, that: has(read.price), otherwise: there is no price}, ", "assert: [{name: whole, that: 'true'}, ", "judged"),
    ("verification.assert[].name", One, "name: same,", "name: similar,", "judged"),
    ("verification.assert[].that", One, AFTER, "name: same, that: read.price >= input.price", "judged"),
    ("verification.assert[].looks_for", One, AFTER, "name: same, looks_for: [x]", "check"),
    ("verification.assert[].needs", One, "needs: [whole], ", "", "judged"),
    ("verification.assert[].otherwise", One, "otherwise: another price", "otherwise: other", "judged"),
    ("verification.assert[].field", One, AFTER, "name: same, field: /price, that: read.price == input.price", "check"),
    ("verification.shown", One, "{'id': read.id}", "{'it': read.id}", "judged"),
    ("verification.settle_within", One, "settle_within: 3s", "settle_within: 4s", "terms"),
    ("compensation", One, "compensation:", "compensation-:", "check"),
    ("compensation.none", One, "compensation:\n", "compensation:\n  none: no\n", "check"),
    ("compensation.request", One, "  request: {method: DELETE", "  request-: {method: DELETE", "check"),
    ("compensation.request.method", One, "method: DELETE", "method: POST", "way back"),
    ("compensation.request.path", One, "'/sales/{{ shown", "'/sale/{{ shown", "way back"),
    ("compensation.request.headers", One, "X-Why: undo", "X-Why: wrong", "way back"),
    ("compensation.request.body", One, "body: {why: undo}", "body: {why: wrong}", "way back"),
    ("compensation.request.form", One, "body: {why: undo}", "form: {why: undo}", "way back"),
    ("compensation.steps", Steps, "  steps:\n    - name: back", "  steps: []\n  others:\n    - name: back", "check"),
    ("compensation.steps[].name", Steps, "- name: back", "- name: again", "way back"),
    ("compensation.steps[].done", Steps, "      done: {", "      done-: {", "check"),
    ("compensation.steps[].done.system", Steps, "system: ledger, path: '/back", "path: '/back", "way back"),
    ("compensation.steps[].done.path", Steps, "'/back/", "'/backs/", "way back"),
    ("compensation.steps[].done.headers", Steps, "X-View: new", "X-View: newer", "way back"),
    ("compensation.steps[].done.present", Steps, "headers: {X-View: new}, present: read != null", "headers: {X-View: new}, present: read == null", "way back"),
    ("compensation.steps[].done.assert", Steps, "assert: [{name: filled, that: has(read.price), otherwise: not filled}, ", "assert: [{name: filled, that: 'true'}, ", "way back"),
    ("compensation.steps[].done.assert[].name", Steps, "name: matching", "name: match", "way back"),
    ("compensation.steps[].done.assert[].that", Steps, AFTER_STEP, "name: matching, that: read.price > input.price", "way back"),
    ("compensation.steps[].done.assert[].looks_for", Steps, AFTER_STEP, "name: matching, looks_for: [x]", "check"),
    ("compensation.steps[].done.assert[].needs", Steps, "needs: [filled], ", "", "way back"),
    ("compensation.steps[].done.assert[].otherwise", Steps, "otherwise: not matching", "otherwise: no match", "way back"),
    ("compensation.steps[].done.assert[].field", Steps, AFTER_STEP, "name: matching, field: /price, that: read.price == input.price", "check"),
    ("compensation.steps[].done.shown", Steps, "{'id': read.id}\", settle_within: 5s", "{'id': read.price}\", settle_within: 5s", "way back"),
    ("compensation.steps[].done.settle_within", Steps, "settle_within: 5s", "settle_within: 6s", "way back"),
    ("compensation.steps[].reads", Steps, ", {name: pieces, for_each: input.others, path: '/pieces/{{ element }}'}", "", "way back"),
    ("compensation.steps[].reads[].name", Steps, "name: pieces", "name: bits", "way back"),
    ("compensation.steps[].reads[].system", Steps, "system: store, path: '/sale/", "path: '/sale/", "way back"),
    ("compensation.steps[].reads[].for_each", Steps, "{name: pieces, for_each: input.others", "{name: pieces, for_each: \"['one']\"", "way back"),
    ("compensation.steps[].reads[].path", Steps, "'/sale/{{", "'/sold/{{", "way back"),
    ("compensation.steps[].reads[].headers", Steps, "X-Lang: de", "X-Lang: lv", "way back"),
    ("compensation.steps[].reads[].optional", Steps, "{X-Lang: de}, optional: true", "{X-Lang: de}", "way back"),
    ("compensation.steps[].assert", Steps, "assert: [{name: stands, that: reads.sale != null, otherwise: it is gone}, ", "assert: [{name: stands, that: 'true'}, ", "way back"),
    ("compensation.steps[].assert[].name", Steps, "name: open", "name: opened", "way back"),
    ("compensation.steps[].assert[].that", Steps, BEFORE_STEP, "name: open, that: reads.sale.price > input.price", "way back"),
    ("compensation.steps[].assert[].looks_for", Steps, BEFORE_STEP, "name: open, looks_for: [x]", "check"),
    ("compensation.steps[].assert[].needs", Steps, "needs: [stands]", "needs: [standing]", "check"),
    ("compensation.steps[].assert[].otherwise", Steps, "otherwise: it is closed", "otherwise: closed", "way back"),
    ("compensation.steps[].assert[].field", Steps, BEFORE_STEP, "name: open, field: /price, that: reads.sale.price == input.price", "check"),
    ("compensation.steps[].request", Steps, "      request: {", "      request-: {", "check"),
    ("compensation.steps[].request.method", Steps, "{method: POST, path: '/returns", "{method: PUT, path: '/returns", "way back"),
    ("compensation.steps[].request.path", Steps, "'/returns?of", "'/return?of", "way back"),
    ("compensation.steps[].request.headers", Steps, "X-Step: one", "X-Step: two", "way back"),
    ("compensation.steps[].request.body", Steps, "body: {of:", "body: {from:", "way back"),
    ("compensation.steps[].request.form", Steps, "body: {of:", "form: {of:", "way back"),
    ("compensation.steps[].object", Steps, "      object: {name: return, id: steps.back.id}\n", "", "way back"),
    ("compensation.steps[].object.name", Steps, "{name: return,", "{name: refund,", "way back"),
    ("compensation.steps[].object.id", Steps, "id: steps.back.id", "id: shown.id", "way back"),
    ("compensation.verification", One, "  verification: {system: ledger, path: '/undone", "  verification-: {system: ledger, path: '/undone", "check"),
    ("compensation.verification.system", One, "{system: ledger, path: '/undone", "{system: store, path: '/undone", "way back"),
    ("compensation.verification.path", One, "'/undone/", "'/undo/", "way back"),
    ("compensation.verification.headers", One, "X-View: old", "X-View: older", "way back"),
    ("compensation.verification.present", One, "present: read == null || has(read.price)", "present: read == null", "way back"),
    ("compensation.verification.assert", One, "assert: [{name: gone, that: read != null, otherwise: it is unclear}, ", "assert: [{name: gone, that: 'true'}, ", "way back"),
    ("compensation.verification.assert[].name", One, "name: worth", "name: value", "way back"),
    ("compensation.verification.assert[].that", One, AFTER_UNDO, "name: worth, that: read.price > input.price", "way back"),
    ("compensation.verification.assert[].looks_for", One, AFTER_UNDO, "name: worth, looks_for: [x]", "check"),
    ("compensation.verification.assert[].needs", One, "needs: [gone], ", "", "way back"),
    ("compensation.verification.assert[].otherwise", One, "otherwise: other worth", "otherwise: worth less", "way back"),
    ("compensation.verification.assert[].field", One, AFTER_UNDO, "name: worth, field: /price, that: read.price == input.price", "check"),
    ("compensation.verification.shown", One, "{'was':", "{'is':", "way back"),
    ("compensation.verification.settle_within", One, "settle_within: 4s", "settle_within: 5s", "way back"),
    ("on_divergence", One, "on_divergence: escalate", "on_divergence: compensate", "terms"),
    ("permit_within", One, "permit_within: 20s", "permit_within: 30s", "terms"),
    ("outcome_within", One, "outcome_within: 21s", "outcome_within: 31s", "terms"),
    ("verify_within", One, "verify_within: 22s", "verify_within: 32s", "terms"),
    ("retries", One, "retries: {attempts_max: 4, backoff: {first: 1s, most: 8s}}\n", "", "terms"),
    ("retries.attempts_max", One, "attempts_max: 4", "attempts_max: 5", "terms"),
    ("retries.backoff", One, ", backoff: {first: 1s, most: 8s}", "", "terms"),
    ("retries.backoff.first", One, "first: 1s, most: 8s", "first: 2s, most: 8s", "terms"),
    ("retries.backoff.most", One, "most: 8s", "most: 9s", "terms"),
    ("approval", One, "approval: {quorum: 2, groups: [finance], decide_within: 20m, escalation: ask, approve_in_ticket: false}\n", "", "decision"),
    ("approval.quorum", One, "quorum: 2", "quorum: 3", "decision"),
    ("approval.groups", One, "groups: [finance], decide_within: 20m", "groups: [lawyers], decide_within: 20m", "decision"),
    ("approval.decide_within", One, "decide_within: 20m", "decide_within: 30m", "decision"),
    ("approval.escalation", One, "escalation: ask, approve", "escalation: other, approve", "decision"),
    ("approval.approve_in_ticket", One, "approve_in_ticket: false", "approve_in_ticket: true", "check"),
    ("graduation", One, "graduation:\n  sample_min", "graduation-:\n  sample_min", "check"),
    ("graduation.sample_min", One, "sample_min: 30", "sample_min: 31", "bounds"),
    ("graduation.verified_min", One, "verified_min: 0.8", "verified_min: 0.7", "bounds"),
    ("graduation.override_max", One, "override_max: 0.2", "override_max: 0.3", "bounds"),
    ("graduation.divergences_max", One, "divergences_max: 2", "divergences_max: 3", "bounds"),
    ("graduation.window", One, "window: 20d", "window: 21d", "bounds"),
    ("graduation.compare_within", One, "compare_within: 5h", "compare_within: 6h", "bounds"),
    ("graduation.compare", One, "  compare: {", "  compare-: {", "check"),
    ("graduation.compare.system", One, "{system: ledger, path: '/deeds", "{system: store, path: '/deeds", "comparison"),
    ("graduation.compare.path", One, "'/deeds/", "'/acts/", "comparison"),
    ("graduation.compare.headers", One, "X-View: all", "X-View: some", "comparison"),
    ("graduation.compare.present", One, "headers: {X-View: all}, present: read != null", "headers: {X-View: all}, present: read == null", "comparison"),
    ("graduation.compare.assert", One, "assert: [{name: full, that: has(read.price), otherwise: it is empty}, ", "assert: [{name: full, that: 'true'}, ", "comparison"),
    ("graduation.compare.assert[].name", One, "name: equal", "name: same", "comparison"),
    ("graduation.compare.assert[].that", One, AFTER_PEOPLE, "name: equal, that: read.price > input.price", "comparison"),
    ("graduation.compare.assert[].looks_for", One, AFTER_PEOPLE, "name: equal, looks_for: [x]", "check"),
    ("graduation.compare.assert[].needs", One, "needs: [full], ", "", "comparison"),
    ("graduation.compare.assert[].otherwise", One, "otherwise: unequal", "otherwise: uneven", "comparison"),
    ("graduation.compare.assert[].field", One, AFTER_PEOPLE, "name: equal, field: /price, that: read.price == input.price", "check"),
    ("graduation.compare.shown", One, "{'deed':", "{'act':", "comparison"),
    ("graduation.compare.settle_within", One, "{'deed': read.id}\"", "{'deed': read.id}\", settle_within: 3s", "check"),
    ("graduation.alarm", One, "alarm: ask", "alarm: other", "bounds"),
    ("graduation.restored", One, "  restored: {demotion: c-1, by: olga, reason: mended}\n", "", "bounds"),
    ("graduation.restored.demotion", One, "demotion: c-1", "demotion: c-2", "bounds"),
    ("graduation.restored.by", One, "by: olga", "by: otto", "bounds"),
    ("graduation.restored.reason", One, "reason: mended", "reason: repaired", "bounds"),
];
