//! Telling those who wait that nothing comes of it.

use belay_domain::CaseId;

use super::{Message, Refused};

/// Tells the one who waits for this message.
pub(super) fn refuse(message: Message, refused: Refused) {
    match message {
        Message::Command { reply, .. } => drop(reply.send(Err(refused))),
        Message::Look { reply, .. } => drop(reply.send(Err(refused))),
        Message::Wake { .. } => {}
    }
}

/// Takes every message about a case out of a batch, and tells those who wait why.
pub(super) fn refuse_all(batch: &mut Vec<Message>, id: &CaseId, refused: &Refused) {
    let (about_it, rest) = std::mem::take(batch).into_iter().partition(|message| match message {
        Message::Command { case, .. } | Message::Look { case, .. } | Message::Wake { case, .. } => {
            case == id
        }
    });
    *batch = rest;
    let about_it: Vec<Message> = about_it;
    for message in about_it {
        let copy = match refused {
            Refused::Unreadable(cause) => Refused::Unreadable(cause.clone()),
            Refused::Damaged(cause) => Refused::Damaged(cause.clone()),
            _ => Refused::Overloaded,
        };
        refuse(message, copy);
    }
}
