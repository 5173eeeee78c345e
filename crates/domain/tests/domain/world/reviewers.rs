//! What people say of a write that waits for them, in a random history.

use belay_domain::ActionStage;

use super::{World, short};

/// Two who may decide more often than others, and three who are involved.
const PEOPLE: [&str; 8] = ["lea", "leo", "lia", "lea", "leo", "opal", "carl", "owner-of-A"];

impl World {
    /// Somebody decides on a write that waits for people, or talks about it, or answers who asked.
    pub(super) fn vote(&mut self, a: u8, b: u8, c: u8) {
        let asked = self
            .case()
            .actions
            .values()
            .find(|action| matches!(action.stage, ActionStage::AwaitingApproval(_)));
        let action = asked.map_or_else(|| "a1".to_owned(), |action| short(action.id.as_str()));
        let talked = asked.and_then(|asked| match &asked.stage {
            ActionStage::AwaitingApproval(approval) => {
                let named = !approval.delegations.is_empty();
                Some((approval.questions.len(), named)).filter(|said| *said != (0, false))
            }
            _ => None,
        });
        if let Some((questions, _)) = talked
            && (a / 8).is_multiple_of(3)
        {
            let by = match c % 6 {
                0 => "ann".to_owned(),
                1 => "tool".to_owned(),
                _ => self.owner(a),
            };
            let number = usize::from(b) % (questions + 1) + usize::from(c % 16 != 15);
            let text = ["because", "because", "really"][usize::from(b / 8 % 3)];
            self.tell(&format!("reply {by} {action} {number} {text}"));
            if (b / 32).is_multiple_of(2) {
                self.tell(&format!("reply {by} {action} {number} really"));
            }
            return;
        }
        let choice = [
            "yes",
            "yes",
            "yes",
            "yes",
            "no",
            "no:no-proof",
            "{half}",
            "no:bad-mood",
            "ask:why?",
            "to:leo",
            "to:lea",
            "over",
            "ask:who?",
            "to:lia",
            "ask:when?",
        ][usize::from(b % 15)];
        let how = ["", "", "", "", "", "", "blind", "outsider"][usize::from(c % 8)];
        // Once reviewers have begun to talk, it is they who go on.
        let person = match talked {
            Some(_) => ["lea", "leo", "lia"][usize::from(a % 3)],
            None => PEOPLE[usize::from(a % 8)],
        };
        self.tell(&format!("vote {person} {action} {choice} {how}"));
        if choice == "to:leo" && (c / 8).is_multiple_of(2) {
            self.tell(&format!("vote leo {action} to:lia"));
        }
    }
}
