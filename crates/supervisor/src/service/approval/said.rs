//! What a person says about an approval, as the domain understands it. Whatever is wrong with it is said with every
//! field by name.

use belay_api::v1;
use belay_domain::{ActionId, Digest, RequestId, Timestamp, VotesChoice};

use crate::wire::Fault;
use crate::wire::from_wire::Fields;

/// What a person says.
pub(super) struct Said {
    /// By which method.
    pub(super) method: &'static str,
    /// By which request id.
    pub(super) request: RequestId,
    /// About which action.
    pub(super) action: ActionId,
    /// What.
    pub(super) what: What,
}

/// What can be said.
pub(super) enum What {
    /// A decision, or one of the things that go before it, on what was shown.
    Choice {
        /// What the person saw.
        shown: Digest,
        /// What they say to it.
        choice: VotesChoice,
    },
    /// The answer to a question.
    Answer {
        /// Which.
        question: u32,
        /// What.
        text: String,
    },
}

pub(super) fn approve(message: v1::ApproveRequest) -> Result<Said, Fault> {
    let v1::ApproveRequest { request_id, approval_id, shown_digest, note } = message;
    let mut fields = Fields::new();
    let note = fields.line("note", note);
    let choice = Some(VotesChoice::Approve { note });
    chosen("Approve", fields, [&request_id, &approval_id, &shown_digest], choice)
}

pub(super) fn reject(message: v1::RejectRequest) -> Result<Said, Fault> {
    let v1::RejectRequest { request_id, approval_id, shown_digest, note, reason_code } = message;
    let mut fields = Fields::new();
    let note = fields.said("note", note);
    let code = fields.id_or_none("reason_code", &reason_code);
    let choice = Some(VotesChoice::Reject { code, note });
    chosen("Reject", fields, [&request_id, &approval_id, &shown_digest], choice)
}

pub(super) fn amend(message: v1::AmendRequest, assess_until: Timestamp) -> Result<Said, Fault> {
    let v1::AmendRequest { request_id, approval_id, shown_digest, input_json, note } = message;
    let mut fields = Fields::new();
    let note = fields.said("note", note);
    let input = fields.input("input_json", &input_json);
    let choice = Some(VotesChoice::Amend { input, note, assess_until });
    chosen("Amend", fields, [&request_id, &approval_id, &shown_digest], choice)
}

pub(super) fn ask(message: v1::AskRequest) -> Result<Said, Fault> {
    let v1::AskRequest { request_id, approval_id, shown_digest, question } = message;
    let mut fields = Fields::new();
    let question = there(&mut fields, "question", question);
    let choice = Some(VotesChoice::Ask { question });
    chosen("Ask", fields, [&request_id, &approval_id, &shown_digest], choice)
}

pub(super) fn delegate(message: v1::DelegateRequest) -> Result<Said, Fault> {
    let v1::DelegateRequest { request_id, approval_id, shown_digest, to, note } = message;
    let mut fields = Fields::new();
    let to = fields.id("to", &to);
    let note = fields.line("note", note);
    let choice = to.map(|to| VotesChoice::Delegate { to, note });
    chosen("Delegate", fields, [&request_id, &approval_id, &shown_digest], choice)
}

pub(super) fn take_over(message: v1::TakeOverRequest) -> Result<Said, Fault> {
    let v1::TakeOverRequest { request_id, approval_id, shown_digest, note } = message;
    let mut fields = Fields::new();
    let note = fields.said("note", note);
    let choice = Some(VotesChoice::TakeOver { note });
    chosen("TakeOver", fields, [&request_id, &approval_id, &shown_digest], choice)
}

pub(super) fn answer(message: v1::AnswerRequest) -> Result<Said, Fault> {
    let v1::AnswerRequest { request_id, approval_id, question, answer } = message;
    let mut fields = Fields::new();
    let request = fields.request(&request_id);
    let action = fields.id("approval_id", &approval_id);
    if question == 0 {
        fields.wrong("question", "has to be set");
    }
    let text = there(&mut fields, "answer", answer);
    let read = request.zip(action);
    let what = What::Answer { question, text };
    fields.done(read.map(|(request, action)| Said { method: "Answer", request, action, what }))
}

/// A text of several lines that has to be there.
fn there(fields: &mut Fields, name: &str, text: String) -> String {
    if text.trim().is_empty() {
        fields.wrong(name, "has to be set");
    }
    fields.text(name, text)
}

/// What a person says to what they were shown, if everything is there.
fn chosen(
    method: &'static str,
    mut fields: Fields,
    [request, approval, shown]: [&str; 3],
    choice: Option<VotesChoice>,
) -> Result<Said, Fault> {
    let request = fields.request(request);
    let action = fields.id("approval_id", approval);
    let shown = fields.digest("shown_digest", shown);
    let what = shown.zip(choice).map(|(shown, choice)| What::Choice { shown, choice });
    let read = request.zip(action).zip(what);
    fields.done(read.map(|((request, action), what)| Said { method, request, action, what }))
}
