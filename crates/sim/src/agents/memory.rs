//! What an agent remembers of its session, and what it makes of everything it hears.

use super::*;

impl Memory {
    pub(super) fn register(&self) -> v1::ConnectRequest {
        let resume = self.session.as_ref().map(|session| v1::Resume {
            session_id: session.clone(),
            last_received_message_id: self.taken,
            held_cases: self
                .held
                .iter()
                .map(|(case, held)| v1::HeldCase { case_id: case.clone(), epoch: held.epoch })
                .collect(),
        });
        let register =
            v1::Register { sdk: "sim/1".to_owned(), roles: Vec::new(), capacity: 4, resume };
        envelope(0, 0, Some(Ask::Register(register)))
    }

    /// What has to be said again.
    pub(super) fn registered(&mut self, registered: &v1::Registered) -> Vec<v1::ConnectRequest> {
        self.session = Some(registered.session_id.clone());
        if registered.resumed {
            return self.unheard.iter().cloned().collect();
        }
        (self.taken, self.sent) = (0, 0);
        self.unheard.clear();
        self.asked.clear();
        Vec::new()
    }

    pub(super) fn later(&mut self, world: &World, wait: Duration, todo: Todo) {
        self.count += 1;
        self.todo.insert((world.now() + wait, self.count), todo);
    }

    pub(super) fn say(&mut self, name: &str, world: &World, line: &Line, ask: Ask) {
        note_work(name, world, &ask);
        if let Ask::Progress(_) = &ask {
            let _ = line.try_send(envelope(0, self.taken, Some(ask)));
            return;
        }
        self.sent += 1;
        let request = envelope(self.sent, self.taken, Some(ask.clone()));
        self.asked.insert(self.sent, ask);
        self.unheard.push_back(request.clone());
        let twice = self.temper == Temper::Flooding && self.dice.percent(60);
        for _ in 0..if twice { 3 } else { 1 } {
            let _ = line.try_send(request.clone());
        }
        if twice {
            world.look().tally.count("agents: messages said again");
        }
    }

    /// Takes an offer, turns it down, or does something foolish with it.
    pub(super) fn consider(&mut self, world: &World, offer: &v1::HandoffOffer) {
        let wait = self.dice.millis(50..3_000);
        let chance = self.dice.within(0..100);
        let (handoff_id, mut context_digest) =
            (offer.handoff_id.clone(), offer.context_digest.clone());
        match chance {
            0..8 => {
                let reason = "busy".to_owned();
                let decline = v1::DeclineHandoff { handoff_id, reason };
                return self.later(world, wait, Todo::Say(Ask::DeclineHandoff(decline)));
            }
            8..14 => return world.look().tally.count("agents: offers left alone"),
            14..20 if self.temper != Temper::Honest => context_digest = "00".repeat(32),
            _ => {}
        }
        let accept = Ask::AcceptHandoff(v1::AcceptHandoff { handoff_id, context_digest });
        let late = if self.temper == Temper::Ghostly && self.dice.percent(30) {
            Duration::from_secs(9)
        } else {
            wait
        };
        self.later(world, late, Todo::Say(accept));
    }

    /// Works on what it holds, and, if that is its temper, on what it does not.
    pub(super) fn work(&mut self, name: &str, world: &World, line: &Line, now: Moment) {
        if self.temper == Temper::Stalling {
            // The connection is kept alive, and nothing else.
            let _ = line.try_send(envelope(
                0,
                self.taken,
                Some(Ask::Credit(v1::Credit { messages: 1 })),
            ));
            return;
        }
        let held: Vec<(String, u64, bool, bool)> = self
            .held
            .iter()
            .map(|(case, held)| {
                (case.clone(), held.epoch, held.progress_due <= now, held.act_due <= now)
            })
            .collect();
        for (case, epoch, progress, act) in held {
            if progress {
                let next = now + self.dice.millis(4_000..16_000);
                if let Some(held) = self.held.get_mut(&case) {
                    held.progress_due = next;
                }
                let repeat = if self.temper == Temper::Flooding { 6 } else { 1 };
                for _ in 0..repeat {
                    let note = String::new();
                    let progress =
                        v1::Progress { case_id: case.clone(), epoch, note, ..Default::default() };
                    self.say(name, world, line, Ask::Progress(progress));
                }
            }
            if act {
                let next = now + self.dice.millis(5_000..25_000);
                if let Some(held) = self.held.get_mut(&case) {
                    held.act_due = next;
                }
                let ask = self.idea(name, world, &case, epoch);
                self.say(name, world, line, ask);
            }
        }
        if self.temper == Temper::Ghostly && self.dice.percent(25) && !self.lost.is_empty() {
            let (case, epoch) = self.dice.pick(&self.lost).clone();
            world.look().tally.count("agents: acts after losing a case");
            let ask = if self.dice.percent(40) && !self.permits.is_empty() {
                begin(&self.dice.pick(&self.permits).clone())
            } else if self.dice.percent(50) {
                Ask::Progress(v1::Progress { case_id: case, epoch, ..Default::default() })
            } else {
                self.idea(name, world, &case, epoch)
            };
            self.say(name, world, line, ask);
        }
    }

    /// Something to do with a case.
    pub(super) fn idea(&mut self, name: &str, world: &World, case: &str, epoch: u64) -> Ask {
        self.count += 1;
        let number = self.count;
        let case_id = case.to_owned();
        let calm = !world.look().troubled;
        if let Some(ask) = self.plan_ends(case, epoch) {
            return ask;
        }
        let chance = if calm { self.dice.within(0..60) } else { self.dice.within(0..100) };
        match chance {
            0..22 => {
                self.proposal(case, epoch, "crm.add_note@1", &format!("{case}~{name}~{number}"), 0)
            }
            22..48 => {
                let amount = if self.dice.percent(60) { 1_500 } else { 4_000 };
                // Sometimes the same again, under another number.
                let which = if self.dice.percent(25) { 1 } else { number };
                let credit = format!("{case}~credit~{which}");
                self.proposal(case, epoch, "crm.give_credit@1", &credit, amount)
            }
            48..60 => {
                let body = format!("{name} found out {number}");
                let provenance = Some(v1::Provenance {
                    source: v1::ProvenanceSource::Model.into(),
                    reference: "m".to_owned(),
                });
                let entry = v1::NewContextEntry { kind: "note".to_owned(), body, provenance };
                let request_id = format!("{name}-{number}");
                Ask::AddContext(v1::AddContext { request_id, case_id, epoch, entries: vec![entry] })
            }
            60..72 => Ask::RequestHandoff(v1::RequestHandoff {
                request_id: format!("{name}-{number}"),
                case_id,
                epoch,
                target: Some(v1::HandoffTarget {
                    target: Some(v1::handoff_target::Target::Role("helper".to_owned())),
                }),
                reason: "not mine".to_owned(),
                entries: Vec::new(),
            }),
            72..84 => Ask::RequestEscalation(v1::RequestEscalation {
                request_id: format!("{name}-{number}"),
                case_id,
                epoch,
                reason: "a person should look".to_owned(),
                severity: v1::Severity::Unspecified.into(),
            }),
            84..92 => {
                Ask::ReleaseCase(v1::ReleaseCase { case_id, epoch, reason: "enough".to_owned() })
            }
            _ => Ask::ResolveCase(v1::ResolveCase {
                case_id,
                epoch,
                resolution_code: "resolved".to_owned(),
                note: String::new(),
            }),
        }
    }

    /// A plan that has enough actions is said to be complete, or given up.
    fn plan_ends(&mut self, case: &str, epoch: u64) -> Option<Ask> {
        let (plan, _) = self.plans.get(case).filter(|(_, actions)| *actions > 1).cloned()?;
        self.plans.remove(case);
        let case_id = case.to_owned();
        Some(if self.dice.percent(70) {
            Ask::CompletePlan(v1::CompletePlan { case_id, epoch, plan })
        } else {
            let reason = "it was a mistake".to_owned();
            Ask::AbandonPlan(v1::AbandonPlan { case_id, epoch, plan, reason })
        })
    }

    /// The plan that the next note of a case belongs to: none as a rule.
    fn plan_of(&mut self, case: &str, number: u64) -> String {
        if let Some((plan, actions)) = self.plans.get_mut(case) {
            *actions += 1;
            return plan.clone();
        }
        if !self.dice.percent(35) {
            return String::new();
        }
        let plan = format!("plan-{number}");
        self.plans.insert(case.to_owned(), (plan.clone(), 1));
        plan
    }

    pub(super) fn proposal(
        &mut self,
        case: &str,
        epoch: u64,
        contract: &str,
        key: &str,
        amount: u64,
    ) -> Ask {
        let customer = self.customers.get(case).cloned().unwrap_or_default();
        // What was given cannot be called back, so only notes are parts of plans.
        let plan = if amount == 0 { self.plan_of(case, self.count) } else { String::new() };
        let input = if amount == 0 {
            serde_json::json!({"customer_id": customer, "text": key})
        } else {
            serde_json::json!({"customer_id": customer, "credit_id": key, "amount_minor": amount})
        };
        Ask::Propose(v1::Propose {
            proposal_id: format!("p{}", self.count),
            case_id: case.to_owned(),
            epoch,
            contract_id: contract.to_owned(),
            input_json: input.to_string(),
            provenance: Vec::new(),
            plan,
            justification: "it would help".to_owned(),
        })
    }
}
