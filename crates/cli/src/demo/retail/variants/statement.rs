//! Wrong in who says so: nobody identified, no yes, a model's yes, made up, or not this specialist's work.

use super::{Occasion, Proposer, Statement, Variant, Yes};
use crate::demo::retail::rule::Rule;
use crate::demo::retail::task::Tool;

/// Adds them.
pub(super) fn variants(occasion: &Occasion<'_>, variants: &mut Vec<Variant>) {
    let Occasion { write, before, .. } = *occasion;
    let mut add = |rule, how, statement| {
        let variant = Variant::new(rule, how, write.clone(), before);
        variants.push(Variant { statement, ..variant });
    };
    add(
        Rule::Identified,
        "the customer only says who they are",
        Statement { unproven: true, ..Statement::default() },
    );
    add(
        Rule::Confirmed,
        "the customer has not said yes",
        Statement { yes: Yes::No, ..Statement::default() },
    );
    add(
        Rule::ConfirmedByCustomer,
        "a model says that the customer said yes",
        Statement { yes: Yes::Model, ..Statement::default() },
    );
    let made_up = match write.tool {
        Tool::Cancel => "reason",
        Tool::Address | Tool::UserAddress => "address1",
        Tool::Payment => "payment_method_id",
        Tool::Items | Tool::Exchange => "new_item_ids",
        Tool::Return => "item_ids",
    };
    add(
        Rule::NothingMadeUp,
        "a model has made a part of it up",
        Statement { made_up: Some(made_up), ..Statement::default() },
    );
    let other =
        Variant::new(Rule::OwnBoundary, "another specialist proposes it", write.clone(), before);
    variants.push(Variant { proposer: Proposer::Other, ..other });
    let scope = Variant::new(
        Rule::WithinScope,
        "it is done by something that is no contract",
        write.clone(),
        before,
    );
    variants.push(Variant { contract: Some("shop.refund_as_goodwill@1"), ..scope });
}
