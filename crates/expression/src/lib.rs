//! What operators write by hand, in playbooks and in descriptions of ticket systems: YAML that is read with the place
//! of every value, held against a published form, with expressions and texts with values in it. Pure.
//!
//! Everything wrong is a [`Problem`](problem::Problem): which file, which line, what, and what to do.

pub mod document;
pub mod expression;
pub mod form;
pub mod json;
pub mod problem;
pub mod template;
