use std::sync::atomic::{AtomicUsize, Ordering};

use belay_api::v1;

use super::*;
use crate::wire::testbed::id;

#[tokio::test]
async fn the_second_time_the_first_answer_comes_and_nothing_is_done() {
    let bed = Bed::default();
    assert_eq!(bed.ask("r-1", "take").await, Ok(1));
    assert_eq!(bed.ask("r-1", "take").await, Ok(1));
    assert_eq!(bed.ask("r-2", "take").await, Ok(2));
}

#[tokio::test]
async fn another_content_under_the_same_id_is_refused() {
    let bed = Bed::default();
    assert_eq!(bed.ask("r-1", "take").await, Ok(1));
    assert_eq!(bed.ask("r-1", "give back").await, Err(ErrorReason::KeyReused));
    assert_eq!(bed.done(), 1);
}

#[tokio::test]
async fn the_id_is_the_caller_s_own_and_the_method_s() {
    let bed = Bed::default();
    assert_eq!(bed.ask_as(asked("r-1"), "x").await, Ok(1));
    let other = Asked { caller: "person:lars".to_owned(), ..asked("r-1") };
    assert_eq!(bed.ask_as(other, "y").await, Ok(2));
    let other = Asked { method: "Reject", ..asked("r-1") };
    assert_eq!(bed.ask_as(other, "z").await, Ok(3));
    let other = Asked { tenant: id("beta"), ..asked("r-1") };
    assert_eq!(bed.ask_as(other, "z").await, Ok(4));
}

#[tokio::test]
async fn a_refusal_is_not_remembered() {
    let bed = Bed::default();
    let refused = bed.dedupe.once::<v1::GetCaseRequest, _>(asked("r-1"), digest("x"), async {
        Err(Fault::unknown_case("c-1"))
    });
    assert_eq!(refused.await.unwrap_err().reason(), ErrorReason::UnknownCase);
    assert_eq!(bed.ask("r-1", "x").await, Ok(1));
}

#[tokio::test]
async fn two_at_once_do_it_once() {
    let bed = Bed::default();
    let both = futures_util::future::join(bed.ask("r-1", "x"), bed.ask("r-1", "x")).await;
    assert_eq!(both, (Ok(1), Ok(1)));
    assert_eq!(bed.done(), 1);
}

#[tokio::test]
async fn the_oldest_answers_are_forgotten_first() {
    let bed = Bed { dedupe: Dedupe::keeping(2), ..Bed::default() };
    for request in ["r-1", "r-2", "r-3"] {
        bed.ask(request, "x").await.unwrap();
    }
    assert_eq!(bed.ask("r-2", "x").await, Ok(2), "still known");
    assert_eq!(bed.ask("r-1", "x").await, Ok(4), "done again");
}

#[test]
fn the_order_of_labels_is_no_content() {
    let message = v1::UpdateCaseRequest { case_id: "c-1".to_owned(), ..Default::default() };
    let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
    let one = content(&message, &[pair("a", "1"), pair("b", "2")]);
    assert_eq!(one, content(&message.clone(), &[pair("a", "1"), pair("b", "2")]));
    assert_ne!(one, content(&message, &[pair("a", "1"), pair("b", "3")]));
    assert_ne!(content(&message, &[pair("a", "bc")]), content(&message, &[pair("ab", "c")]));
}

#[derive(Default)]
struct Bed {
    dedupe: Dedupe,
    done: AtomicUsize,
}

impl Bed {
    async fn ask(&self, request: &str, what: &str) -> Result<usize, ErrorReason> {
        self.ask_as(asked(request), what).await
    }

    async fn ask_as(&self, asked: Asked, what: &str) -> Result<usize, ErrorReason> {
        let work = async {
            // Others get their turn in the middle of it.
            tokio::task::yield_now().await;
            let number = self.done.fetch_add(1, Ordering::Relaxed) + 1;
            Ok(v1::GetCaseRequest { case_id: number.to_string() })
        };
        let answer = self.dedupe.once(asked, digest(what), work).await;
        answer.map(|answer| answer.case_id.parse().unwrap()).map_err(|fault| fault.reason())
    }

    fn done(&self) -> usize {
        self.done.load(Ordering::Relaxed)
    }
}

fn asked(request: &str) -> Asked {
    Asked {
        tenant: id("acme"),
        caller: "person:lena".to_owned(),
        method: "Approve",
        request: id(request),
    }
}

fn digest(text: &str) -> Digest {
    Digest::of(text.as_bytes())
}
