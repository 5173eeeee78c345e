//! Which agents there are, and how they do.

use belay_api::v1;
use belay_api::v1::agent_registry_service_server::AgentRegistryService;
use belay_domain::RoleId;
use belay_playbook::Playbook;
use tonic::{Request, Response, Status};

use super::Shared;
use super::page::Page;
use crate::caller::Caller;
use crate::sessions::{AgentView, SessionView};
use crate::wire::from_wire::Fields;
use crate::wire::to_wire;

/// See [`AgentRegistryService`].
pub(crate) struct Service(pub(crate) Shared);

#[tonic::async_trait]
impl AgentRegistryService for Service {
    async fn list_agents(
        &self,
        request: Request<v1::ListAgentsRequest>,
    ) -> Result<Response<v1::ListAgentsResponse>, Status> {
        let caller = Caller::of(&request)?;
        let v1::ListAgentsRequest { tenant, role, connected_only, page_size, page_token } =
            request.into_inner();
        // Agents serve every tenant of an installation; the request only has to name one of the caller's.
        let tenant = caller.tenant(&tenant)?;
        let mut fields = Fields::new();
        let wanted = fields.id_or_none::<RoleId>("role", &role);
        fields.done(Some(()))?;
        let question = format!("agents {tenant} {role} {connected_only}");
        let page = Page::wanted(page_size, &page_token, question)?;
        let playbook = self.0.playbooks.current();
        let fits = |view: &AgentView| {
            let serves =
                wanted.as_ref().is_none_or(|role| playbook.roles_of(&view.agent).contains(role));
            serves && (view.session.is_some() || !connected_only)
        };
        let views = self.0.sessions.agents();
        let listed = views.iter().filter(|view| fits(view));
        let part =
            page.cut(listed.map(|view| (view.agent.to_string(), agent(view, &playbook))).collect());
        Ok(Response::new(v1::ListAgentsResponse {
            agents: part.things,
            next_page_token: part.next,
        }))
    }
}

fn agent(view: &AgentView, playbook: &Playbook) -> v1::Agent {
    let AgentView { agent, identity, roles, session, held, last_seen } = view;
    v1::Agent {
        id: agent.to_string(),
        spiffe_id: identity.clone().unwrap_or_default(),
        roles: roles.iter().map(ToString::to_string).collect(),
        boundary: playbook.boundary_of(agent).map_or_else(String::new, ToString::to_string),
        session: session.as_ref().map(open_session),
        cases_held: u32::try_from(*held).unwrap_or(u32::MAX),
        last_seen_at: last_seen.map(to_wire::time),
    }
}

fn open_session(view: &SessionView) -> v1::AgentSession {
    let SessionView { id, since, sdk, capacity, credit, queued, draining } = view;
    v1::AgentSession {
        id: id.clone(),
        since: Some(to_wire::time(*since)),
        sdk: sdk.clone(),
        capacity: *capacity,
        credit: *credit,
        queued: u32::try_from(*queued).unwrap_or(u32::MAX),
        draining: *draining,
    }
}
