//! What is fuzzed: one function for every decoder of Belay, each taking any bytes.
//!
//! A function here must come back, whatever it is given; what it promises beyond that it asserts. The programs in
//! `fuzz_targets` search for bytes that break one; `tests/corpus.rs` replays what was found.

mod adapters;
mod calls;
mod identities;
mod outside;
mod playbook;
mod stored;
mod tokens;
mod webhooks;

pub use adapters::{description, vendor_answers};
pub use calls::{agent_messages, calls};
pub use identities::{certificate, grpc_timeout, revocation_list, spiffe_id};
pub use outside::{http_answers, request_tracker};
pub use playbook::{expression, input_json, playbook, playbook_file, proposal, template};
pub use stored::{search, stored_events};
pub use tokens::{permit, person_token, token_keys};
pub use webhooks::{webhook_forms, webhooks};

/// Every target by name.
pub const TARGETS: &[(&str, fn(&[u8]))] = &[
    ("agent_messages", agent_messages),
    ("calls", calls),
    ("certificate", certificate),
    ("description", description),
    ("expression", expression),
    ("grpc_timeout", grpc_timeout),
    ("http_answers", http_answers),
    ("input_json", input_json),
    ("permit", permit),
    ("person_token", person_token),
    ("playbook", playbook),
    ("playbook_file", playbook_file),
    ("proposal", proposal),
    ("request_tracker", request_tracker),
    ("revocation_list", revocation_list),
    ("search", search),
    ("spiffe_id", spiffe_id),
    ("stored_events", stored_events),
    ("template", template),
    ("token_keys", token_keys),
    ("vendor_answers", vendor_answers),
    ("webhook_forms", webhook_forms),
    ("webhooks", webhooks),
];
