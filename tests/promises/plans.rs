//! Writes that are consistent only together stand together or not at all.

use belay_agent::ActionResult;
use belay_api::v1;
use http::Method;
use tokio::sync::mpsc;

use crate::stage::Stage;
use crate::stage::agents::{Wish, hear};
use crate::stage::company::Mood;

#[tokio::test]
async fn a_plan_whose_parts_are_verified_is_verified() {
    let stage = Stage::start().await;
    let company = stage.company.clone();
    let _agent = stage.agent("erp-1", move |case| {
        let company = company.clone();
        Box::pin(async move {
            Wish::credit(700).act(case, &company, "make-good").await?.verified()?;
            Wish::note("credited").act(case, &company, "make-good").await?.verified()?;
            case.complete_plan("make-good").await?;
            Ok(case.resolve("resolved", "").await?)
        })
    });
    let case = stage.open("credit").await;
    assert_eq!(stage.tool().sees_resolved(&case).await, "resolved");
    let found = stage.tool().case(&case).await;
    assert_eq!(found.plans[0].state(), v1::PlanState::Verified);
    assert_eq!(found.plans[0].action_ids.len(), 2);
}

#[tokio::test]
async fn a_plan_with_a_part_that_fails_is_undone_in_reverse() {
    let stage = Stage::start().await;
    let company = stage.company.clone();
    let (say, mut said) = mpsc::unbounded_channel();
    let _agent = stage.agent("erp-1", move |case| {
        let (company, say) = (company.clone(), say.clone());
        Box::pin(async move {
            Wish::credit(700).act(case, &company, "make-good").await?.verified()?;
            Wish::note("credited").act(case, &company, "make-good").await?.verified()?;
            company.is(Mood::Stubborn, Method::POST, "/notes");
            let _ = say.send(Wish::note("called").act(case, &company, "make-good").await?);
            std::future::pending().await
        })
    });
    let case = stage.open("credit").await;
    let result = hear("what became of the third part", &mut said).await;
    assert!(matches!(result, ActionResult::Failed(_)), "{result:?}");
    let tool = stage.tool();
    let undone =
        |found: &v1::Case| (found.plans[0].state() == v1::PlanState::Undone).then(|| found.clone());
    let found = tool.sees("the plan to be undone", &case, undone).await;
    let states: Vec<_> = found.actions.iter().map(v1::Action::state).collect();
    let (back, failed) = (v1::ActionState::Compensated, v1::ActionState::Failed);
    assert_eq!(states, [back, back, failed]);
    assert!(stage.company.notes().is_empty());
    assert!(stage.company.credit_notes().is_empty());
    let undone: Vec<_> =
        stage.company.writes().into_iter().filter(|write| write.method == Method::DELETE).collect();
    let paths: Vec<_> = undone.iter().map(|write| write.path.split('/').nth(1).unwrap()).collect();
    assert_eq!(paths, ["notes", "credit-notes"], "the last first, and each once");
}
