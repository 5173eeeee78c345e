//! How a session is opened: the first message, read and answered.

use std::time::Duration;

use belay_api::v1::{self, ErrorReason, connect_request::Message};
use belay_domain::{CaseId, Epoch, RoleId};
use tonic::Streaming;

use super::{House, Identity};
use crate::sessions::{Attached, Profile, Registration, Resumption};
use crate::wire::Fault;
use crate::wire::from_wire::Fields;

/// How long an agent may take to say what it is there for.
const REGISTERED_WITHIN: Duration = Duration::from_secs(10);

/// The most cases that one agent may hold. Its messages have to be read by one loop.
const CAPACITY_MAX: u32 = 10_000;

/// The most cases that an agent may claim when it resumes, as many as it could hold.
const CLAIMS_MAX: usize = CAPACITY_MAX as usize;

/// A session that is open.
pub(super) struct Opened {
    pub(super) attached: Attached,
    pub(super) registered: v1::Registered,
    /// The cases that the agent believes it holds.
    pub(super) claims: Vec<(CaseId, Epoch)>,
}

/// Reads the first message, seats the agent, and makes the answer.
pub(super) async fn open(
    house: &House,
    identity: &Identity,
    inbound: &mut Streaming<v1::ConnectRequest>,
) -> Result<Opened, Fault> {
    let first = tokio::time::timeout(REGISTERED_WITHIN, inbound.message()).await;
    let out_of_order = |message: &str| Fault::new(ErrorReason::OutOfOrder, message);
    let envelope = match first {
        Err(_) => return Err(out_of_order("no Register came within 10 seconds")),
        Ok(Err(status)) => return Err(super::hearing::unreadable(&status)),
        Ok(Ok(None)) => return Err(out_of_order("the stream ended before Register came")),
        Ok(Ok(Some(envelope))) => envelope,
    };
    let v1::ConnectRequest { message_id, ack: _, traceparent: _, message } = envelope;
    let Some(Message::Register(register)) = message else {
        return Err(out_of_order("the first message of a stream has to be Register"));
    };
    if message_id != 0 {
        return Err(Fault::field("message_id", "has to be 0 for Register"));
    }
    let (profile, resume, claims) = read(register, identity)?;
    let registration = Registration {
        agent: identity.agent.clone(),
        identity: identity.spiffe.clone(),
        profile,
        resume,
        now: house.engine.clock().now(),
    };
    let attached = house.sessions.register(registration).await?;
    let registered = registered(house, &attached);
    Ok(Opened { attached, registered, claims })
}

type Read = (Profile, Option<Resumption>, Vec<(CaseId, Epoch)>);

fn read(register: v1::Register, identity: &Identity) -> Result<Read, Fault> {
    let v1::Register { sdk, roles, capacity, resume } = register;
    let mut fields = Fields::new();
    let sdk = fields.line("register.sdk", sdk);
    let read_role = |(index, role): (usize, &String)| {
        fields.id::<RoleId>(&format!("register.roles[{index}]"), role)
    };
    let roles: Vec<RoleId> = roles.iter().enumerate().filter_map(read_role).collect();
    if !(1..=CAPACITY_MAX).contains(&capacity) {
        fields.wrong("register.capacity", format!("has to be from 1 to {CAPACITY_MAX}"));
    }
    let mut claims = Vec::new();
    let resume = resume.map(|resume| {
        let v1::Resume { session_id, last_received_message_id, held_cases } = resume;
        let session = fields.line("register.resume.session_id", session_id);
        if held_cases.len() > CLAIMS_MAX {
            let what = format!("has {} cases; at most {CLAIMS_MAX} can be held", held_cases.len());
            fields.wrong("register.resume.held_cases", what);
        }
        for (index, v1::HeldCase { case_id, epoch }) in held_cases.into_iter().enumerate() {
            let field = format!("register.resume.held_cases[{index}].case_id");
            claims.extend(fields.id(&field, &case_id).map(|case| (case, Epoch(epoch))));
        }
        Resumption { session, last_received: last_received_message_id }
    });
    let profile = Profile { sdk, roles, capacity, key: identity.key };
    fields.done(Some((profile, resume, claims)))
}

fn registered(house: &House, attached: &Attached) -> v1::Registered {
    let session = &attached.session;
    let playbook = house.playbooks.current();
    let boundary = playbook.boundary_of(&session.agent).map(|name| v1::Boundary {
        name: name.to_string(),
        contract_ids: playbook
            .contracts_of(&session.agent)
            .iter()
            .map(ToString::to_string)
            .collect(),
    });
    let (profile, _) = session.profile();
    v1::Registered {
        session_id: session.id.clone(),
        agent_id: session.agent.to_string(),
        tenant: house.tenant.to_string(),
        roles: profile.roles.iter().map(ToString::to_string).collect(),
        boundary,
        playbook_version: playbook.version().to_string(),
        resumed: attached.resumed,
        permit_keys_jwks: house.permit_keys.clone(),
    }
}
