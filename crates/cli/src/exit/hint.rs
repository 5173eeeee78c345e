//! What to do next, for every reason for which the supervisor says no.

use tonic::Code;

/// What helps against a stable reason; nothing where the message says all there is to say.
pub(super) fn for_reason(reason: &str) -> Option<&'static str> {
    Some(match reason {
        "UNKNOWN_IDENTITY" => {
            "people prove themselves with a token: give --token or $BELAY_TOKEN, or in development \
             --person NAME --group GROUP"
        }
        "NOT_ALLOWED" => {
            "another identity may be allowed; `belay playbook show` says what is loaded"
        }
        "WRONG_TENANT" => "leave --tenant out to act for the tenant of your own identity",
        "UNKNOWN_AGENT" => "the playbook names the agents that may connect: `belay agent list`",
        "UNKNOWN_CASE" => "`belay case list` shows the cases you may see",
        "UNKNOWN_APPROVAL" => "`belay approval list` shows what is to be decided",
        "UNKNOWN_ESCALATION" => "`belay escalation list` shows those under way",
        "UNKNOWN_TICKET" => "`belay desk tickets` shows the tickets of the desk",
        "UNKNOWN_QUEUE" => "`belay desk queues` shows the queues of the desk",
        "UNKNOWN_RESOLUTION" => "`belay playbook show` lists the resolution codes",
        "KEY_REUSED" => "use a fresh --request-id, or leave it out",
        "CASE_CLOSED" => "open a new case; `belay case show` says how this one ended",
        "UNSETTLED_ACTIONS" => {
            "wait until these are settled; `belay case show` says how they stand"
        }
        "CASE_MERGED" => "ask for the case that it was merged into",
        "CASE_STANDS" => "wait until that is over; `belay case show` says how it stands",
        "NOT_COMPARED" => "wait a moment; `belay case show` says what is compared",
        "ESCALATION_UNDER_WAY" => {
            "people are being asked already: `belay escalation list --case CASE`"
        }
        "APPROVAL_DIGEST_MISMATCH" => {
            "it has changed since it was shown; look at it again with `belay approval show`"
        }
        "NOT_AN_APPROVER" => "`belay approval show` names the groups whose members may decide",
        "INVOLVED" => "somebody who has no part in the case has to decide",
        "ALREADY_VOTED" => "another person has to agree as well; one person counts once",
        "NOT_HOLDER" => "take the ticket first: `belay desk take TICKET`",
        "TICKET_TAKEN" => "`belay desk tickets` says who has it",
        "NOT_ON_STAFF" => "`belay desk queues` says who works on which queue",
        "OFF_SHIFT" => "begin your shift first: `belay desk shift on`",
        "PLAYBOOK_INVALID" => "mend these, check with `belay check DIR`, and reload",
        "BAD_PAGE_TOKEN" => "start again without --page-token",
        "UNKNOWN_POSITION" => "start again without a position",
        "TOO_SLOW" => "resume after the last position you have",
        "JOURNAL_UNAVAILABLE" => {
            "whether it took effect is not known: repeat it with the same --request-id"
        }
        "DISK_FULL" => "free some space where the supervisor keeps its data, then repeat it",
        "INTERNAL" => "the log of the supervisor has the cause under this reference",
        _ => return None,
    })
}

/// What helps when only the gRPC code is known.
pub(super) fn for_code(code: Code) -> Option<&'static str> {
    Some(match code {
        Code::Unavailable => {
            "is the supervisor running? start one with `belay serve --playbook DIR`"
        }
        Code::DeadlineExceeded => "try again, or give it more time with --timeout",
        Code::Unimplemented => "the supervisor is of another version than this program",
        _ => return None,
    })
}
