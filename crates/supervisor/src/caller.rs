//! Who is calling, and whether they may.
//!
//! The process is known by the certificate of its connection, and a person by a bearer token on top; nothing
//! that a message says can change either (`AUT-2`). What each may call stands in one table, and what is not in
//! the table is not served.

mod layer;
mod permissions;

use std::sync::Arc;

use belay_api::v1::ErrorReason;
use belay_domain::{Actor, AgentId, GroupId, PersonId, TenantId};
use belay_transport::peer::Peer;
use belay_transport::person::{PersonVerifier, bearer};
use belay_transport::spiffe::Kind;
use http::{Extensions, HeaderMap, header};

use crate::surroundings::Wall;
use crate::wire::Fault;

pub(crate) use layer::AuthorizeLayer;
pub(crate) use permissions::lane;

/// A caller whose identity is proved.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Caller {
    /// A specialist agent.
    Agent(AgentId),
    /// A person, through some tool.
    Person(Person),
    /// A program that is no agent, for nobody in particular.
    Tool {
        /// Its name, by its certificate.
        name: String,
        /// The tenants it may act for; its own first.
        tenants: Vec<TenantId>,
    },
    /// Another supervisor.
    Supervisor,
}

/// A person whose token was believed.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Person {
    pub(crate) id: PersonId,
    pub(crate) groups: Vec<GroupId>,
    pub(crate) tenant: TenantId,
}

/// Proves who is calling.
pub(crate) struct Identity {
    /// Whose tokens are believed; without one there are no people.
    pub(crate) people: Option<Arc<PersonVerifier>>,
    /// The tenants that tools may act for; the first is theirs. Never empty.
    pub(crate) tenants: Vec<TenantId>,
    /// The groups whose members run this installation.
    pub(crate) operators: Vec<GroupId>,
    /// The wall clock, by which other issuers date their tokens.
    pub(crate) wall: Wall,
}

impl Identity {
    /// Who is calling, from the connection and the headers of a call.
    pub(crate) fn of(&self, extensions: &Extensions, headers: &HeaderMap) -> Result<Caller, Fault> {
        let unknown = |what: &str| Fault::new(ErrorReason::UnknownIdentity, what);
        let peer = Peer::of(extensions).ok_or_else(|| unknown("the connection proves nobody"))?;
        match peer.spiffe.kind() {
            Some(Kind::Agent(name)) => {
                let agent = name.parse().map_err(|_| unknown("the certificate names no agent"))?;
                Ok(Caller::Agent(agent))
            }
            Some(Kind::Tool(name)) => match token(headers)? {
                Some(token) => self.person(token).map(Caller::Person),
                None => Ok(Caller::Tool { name: name.to_owned(), tenants: self.tenants.clone() }),
            },
            Some(Kind::Supervisor) => Ok(Caller::Supervisor),
            None => Err(unknown("the certificate belongs to no agent, tool or supervisor")),
        }
    }

    fn person(&self, token: &str) -> Result<Person, Fault> {
        let unknown = |what: &str| Fault::new(ErrorReason::UnknownIdentity, what);
        let verifier = self.people.as_ref();
        let verifier = verifier
            .ok_or_else(|| unknown("this supervisor has no identity provider for people"))?;
        let believed = verifier.verify(token, (self.wall)())?;
        Ok(Person {
            id: believed.id.parse().map_err(|_| unknown("the token's subject is no usable id"))?,
            // A group that cannot be written in a playbook can grant nothing.
            groups: believed.groups.iter().filter_map(|group| group.parse().ok()).collect(),
            tenant: believed
                .tenant
                .parse()
                .map_err(|_| unknown("the token's tenant is no usable id"))?,
        })
    }

    /// Whether a caller runs this installation.
    pub(crate) fn is_operator(&self, caller: &Caller) -> bool {
        match caller {
            Caller::Person(person) => {
                person.groups.iter().any(|group| self.operators.contains(group))
            }
            Caller::Agent(_) | Caller::Tool { .. } | Caller::Supervisor => false,
        }
    }
}

impl Caller {
    /// The caller that the door let in.
    pub(crate) fn of<T>(request: &tonic::Request<T>) -> Result<Self, Fault> {
        let found = request.extensions().get::<Self>().cloned();
        // Every call comes through the door; without it nobody is known and nothing is done.
        found.ok_or_else(|| Fault::new(ErrorReason::UnknownIdentity, "nobody is known to call"))
    }

    /// The person; everybody else is refused.
    pub(crate) fn person(&self) -> Result<&Person, Fault> {
        match self {
            Self::Person(person) => Ok(person),
            Self::Agent(_) | Self::Tool { .. } | Self::Supervisor => Err(no_person()),
        }
    }

    /// Under which name what they do is journaled.
    pub(crate) fn actor(&self) -> Actor {
        match self {
            Self::Person(person) => Actor::Person(person.id.clone()),
            Self::Tool { name, .. } => Actor::Program(name.clone()),
            // The table lets neither of them change anything here.
            Self::Agent(agent) => Actor::Program(format!("agent/{agent}")),
            Self::Supervisor => Actor::Program("supervisor".to_owned()),
        }
    }

    /// The tenant that a request names, or the caller's own, if they may see it.
    pub(crate) fn tenant(&self, named: &str) -> Result<TenantId, Fault> {
        let tenants = self.tenants();
        let wrong = || {
            Fault::new(ErrorReason::WrongTenant, "you do not belong to this tenant")
                .with("tenant", named)
        };
        if named.is_empty() {
            return tenants.first().cloned().ok_or_else(wrong);
        }
        tenants.iter().find(|tenant| tenant.as_str() == named).cloned().ok_or_else(wrong)
    }

    /// Whether they may see what belongs to a tenant.
    pub(crate) fn sees(&self, tenant: &TenantId) -> bool {
        self.tenants().contains(tenant)
    }

    fn tenants(&self) -> &[TenantId] {
        match self {
            Self::Person(person) => std::slice::from_ref(&person.tenant),
            Self::Tool { tenants, .. } => tenants,
            Self::Agent(_) | Self::Supervisor => &[],
        }
    }
}

/// No token, where a person is needed.
pub(crate) fn no_person() -> Fault {
    Fault::new(ErrorReason::UnknownIdentity, "only a person may do this; sign in and send a token")
}

/// The bearer token of a call, if it has one.
fn token(headers: &HeaderMap) -> Result<Option<&str>, Fault> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let Some(value) = values.next() else { return Ok(None) };
    let unusable = || {
        let what = "the authorization header is not one bearer token";
        Fault::new(ErrorReason::UnknownIdentity, what)
    };
    if values.next().is_some() {
        return Err(unusable());
    }
    let token = value.to_str().ok().and_then(bearer).ok_or_else(unusable)?;
    Ok(Some(token))
}

#[cfg(test)]
mod tests;
