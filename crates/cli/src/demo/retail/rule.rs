//! The rules of the shop's policy, one by one, as far as a program can break them.

use std::fmt;

/// A rule of the policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Rule {
    /// Who asks has proven who they are.
    Identified,
    /// Only the customer's own orders.
    OwnOrder,
    /// One customer in one conversation; nobody else's matters.
    OneCustomer,
    /// The customer said yes to this change, and not to another one.
    Confirmed,
    /// It was the customer who said so, and not a model.
    ConfirmedByCustomer,
    /// Nothing is made up.
    NothingMadeUp,
    /// Only pending orders are cancelled or modified, only delivered ones returned or exchanged.
    OrderStatus,
    /// Items are modified or exchanged once.
    OnceOnly,
    /// Two reasons for a cancellation and no other.
    CancelReason,
    /// Only payment methods that the customer has.
    KnownPayment,
    /// A new payment method is another one.
    OtherPayment,
    /// A gift card covers what it is to pay.
    GiftCardCovers,
    /// A refund goes to the original payment method or to a gift card.
    RefundMethod,
    /// Only items that the order has.
    ItemInOrder,
    /// At least one item.
    SomeItems,
    /// As many new items as old ones.
    EqualNumbers,
    /// A new item is of the same product.
    SameProduct,
    /// A new item is available.
    Available,
    /// A new item has other options.
    OtherOptions,
    /// Nothing that no contract describes.
    WithinScope,
    /// Every specialist does its own work only.
    OwnBoundary,
    /// The same write never happens twice.
    NotTwice,
}

impl Rule {
    /// The rule in a few words.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Identified => "the customer is identified",
            Self::OwnOrder => "only the customer's own orders",
            Self::OneCustomer => "one customer in one conversation",
            Self::Confirmed => "the customer has said yes to exactly this",
            Self::ConfirmedByCustomer => "the yes comes from the customer, not from a model",
            Self::NothingMadeUp => "nothing is made up",
            Self::OrderStatus => "the order's status allows it",
            Self::OnceOnly => "items are modified or exchanged once",
            Self::CancelReason => "one of the two reasons",
            Self::KnownPayment => "a payment method the customer has",
            Self::OtherPayment => "another payment method than before",
            Self::GiftCardCovers => "the gift card covers it",
            Self::RefundMethod => "refunds to the original method or a gift card",
            Self::ItemInOrder => "only items of the order",
            Self::SomeItems => "at least one item",
            Self::EqualNumbers => "as many new items as old ones",
            Self::SameProduct => "a new item of the same product",
            Self::Available => "a new item that is available",
            Self::OtherOptions => "a new item with other options",
            Self::WithinScope => "nothing beyond the shop's writes",
            Self::OwnBoundary => "each specialist its own work",
            Self::NotTwice => "the same write only once",
        }
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.title())
    }
}
