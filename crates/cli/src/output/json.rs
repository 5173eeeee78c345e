//! The messages of the API as JSON: the standard mapping of protobuf, with the field names of the `.proto` files.

use std::sync::LazyLock;

use prost::Message;
use prost_reflect::{DescriptorPool, DynamicMessage, SerializeOptions};
use serde_json::Value;

use belay_api::v1;

use crate::exit::{Exit, Failure};

/// A message that can be shown to programs.
pub(crate) trait Wire: Message {
    /// Its name in the contract.
    const NAME: &'static str;
}

macro_rules! wire {
    ($($message:ident)*) => {
        $(impl Wire for v1::$message { const NAME: &'static str = concat!("belay.v1.", stringify!($message)); })*
        /// Every message that can be shown, to check that the contract has it.
        #[cfg(test)]
        const NAMES: &[&str] = &[$(<v1::$message as Wire>::NAME),*];
    };
}

wire! {
    Case CaseSummary MergeCasesResponse TellCasesApartResponse OpenCaseResponse ExplainCaseResponse ExplainActionResponse CaseUpdate
    Approval ApproveResponse TakeOverResponse
    Agent Escalation
    DeskQueue DeskTicket
    GetCoverageResponse GetStatusResponse UncoveredCase
    Playbook ReloadPlaybookResponse RouteCheck
    VerifyReport JournalEvent
    AddContextResponse
}

static POOL: LazyLock<Option<DescriptorPool>> =
    LazyLock::new(|| DescriptorPool::decode(belay_api::FILE_DESCRIPTOR_SET).ok());

/// The message as JSON. Fields without a value are there too, so that programs find the same keys every time.
pub(crate) fn value<M: Wire>(message: &M) -> Result<Value, Failure> {
    let failed = |why: String| {
        Failure::new(Exit::Failed, format!("the answer cannot be shown as JSON: {why}"))
    };
    let descriptor = POOL
        .as_ref()
        .and_then(|pool| pool.get_message_by_name(M::NAME))
        .ok_or_else(|| failed(format!("{} is not in the contract", M::NAME)))?;
    let dynamic = DynamicMessage::decode(descriptor, message.encode_to_vec().as_slice())
        .map_err(|error| failed(error.to_string()))?;
    let options = SerializeOptions::new()
        .use_proto_field_name(true)
        .skip_default_fields(false)
        .stringify_64_bit_integers(false);
    dynamic
        .serialize_with_options(serde_json::value::Serializer, &options)
        .map_err(|error| failed(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::{NAMES, POOL, value};
    use belay_api::v1;

    #[test]
    fn every_message_that_is_shown_is_in_the_contract() {
        let pool = POOL.as_ref().unwrap();
        for name in NAMES {
            assert!(pool.get_message_by_name(name).is_some(), "{name}");
        }
    }

    #[test]
    fn fields_keep_their_names_and_times_are_text() {
        let summary = v1::CaseSummary {
            id: "c-0123456789abcdef".into(),
            state: v1::CaseState::Open.into(),
            epoch: 3,
            opened_at: Some(prost_types::Timestamp { seconds: 0, nanos: 0 }),
            ..Default::default()
        };
        let json = value(&summary).unwrap();
        assert_eq!(json["id"], "c-0123456789abcdef");
        assert_eq!(json["state"], "CASE_STATE_OPEN");
        assert_eq!(json["epoch"], 3);
        assert_eq!(json["opened_at"], "1970-01-01T00:00:00Z");
        assert_eq!(json["customer"], "");
    }
}
