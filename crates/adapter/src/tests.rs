//! Descriptions: those that come with Belay, and what is said about wrong ones.

use crate::{BUILT_IN, Description};

#[test]
fn every_description_that_comes_with_belay_compiles() {
    for (name, text) in BUILT_IN {
        if let Err(problems) = Description::compile(&format!("{name}.yaml"), text) {
            panic!("{problems}");
        }
    }
}
