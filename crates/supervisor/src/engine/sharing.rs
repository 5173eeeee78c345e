//! Keeping once what many cases have in common: the terms that a playbook gives to all cases of a kind, and the plans
//! by which people are asked. They are most of what a case that nothing has happened to weighs.

use std::sync::Arc;

use belay_domain::{Case, CaseTerms, EscalationPlan};

/// How many different ones are kept. A playbook has a few dozen at most; those of older playbooks make way.
const KEPT_MAX: usize = 64;

/// What cases have in common.
#[derive(Default)]
pub(super) struct Sharing {
    terms: Vec<Arc<CaseTerms>>,
    plans: Vec<Arc<EscalationPlan>>,
}

impl Sharing {
    /// Lets a case that was just made or changed hold what others hold already, where it is the same.
    pub(super) fn share(&mut self, case: &mut Case) {
        if let Some(terms) = &mut case.terms {
            common(&mut self.terms, terms);
        }
        for escalation in case.escalations.values_mut() {
            // One that others see too was shared when it was new.
            if let Some(escalation) = Arc::get_mut(escalation) {
                common(&mut self.plans, &mut escalation.plan);
            }
        }
    }
}

fn common<T: PartialEq>(known: &mut Vec<Arc<T>>, own: &mut Arc<T>) {
    match known.iter().position(|known| Arc::ptr_eq(known, own) || **known == **own) {
        Some(place) => {
            own.clone_from(&known[place]);
            // What is used often is found soon.
            known.swap(place, place / 2);
        }
        None => {
            known.truncate(KEPT_MAX - 1);
            known.push(own.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_equal_is_kept_once_and_what_is_not_stays_as_it_is() {
        let mut known = Vec::new();
        let mut own = [1, 2, 1, 2, 3].map(Arc::new);
        own.iter_mut().for_each(|own| common(&mut known, own));
        assert_eq!(own.each_ref().map(|own| **own), [1, 2, 1, 2, 3]);
        assert!(Arc::ptr_eq(&own[0], &own[2]) && Arc::ptr_eq(&own[1], &own[3]));
        assert_eq!(known.len(), 3);
    }

    #[test]
    fn no_more_is_kept_than_a_bound() {
        let mut known = Vec::new();
        for number in 0..10 * KEPT_MAX {
            common(&mut known, &mut Arc::new(number));
        }
        assert_eq!(known.len(), KEPT_MAX);
    }
}
