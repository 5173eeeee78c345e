//! Order within a case, and none between cases.

use std::sync::{Arc, Mutex};

use tokio::sync::oneshot;

use super::Lanes;

#[tokio::test]
async fn messages_about_one_case_wait_for_each_other() {
    let lanes = Lanes::default();
    let through = Arc::new(Mutex::new(Vec::new()));
    let turns: Vec<_> = (0..5).map(|_| lanes.queue(&"c-1".parse().unwrap())).collect();
    let mut tasks = Vec::new();
    // Started in the wrong order on purpose.
    for (number, mut turn) in turns.into_iter().enumerate().rev() {
        let through = through.clone();
        tasks.push(tokio::spawn(async move {
            turn.come().await;
            tokio::task::yield_now().await;
            through.lock().unwrap().push(number);
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(*through.lock().unwrap(), [0, 1, 2, 3, 4]);
    assert!(lanes.last.lock().unwrap().is_empty(), "nothing is left behind");
}

#[tokio::test]
async fn a_slow_message_about_one_case_holds_up_no_other() {
    let lanes = Lanes::default();
    let slow = lanes.queue(&"c-1".parse().unwrap());
    let mut other = lanes.queue(&"c-2".parse().unwrap());
    other.come().await;
    let mut behind = lanes.queue(&"c-1".parse().unwrap());
    let (came, mut has_come) = oneshot::channel();
    let waiting = tokio::spawn(async move {
        behind.come().await;
        came.send(()).unwrap();
    });
    tokio::task::yield_now().await;
    assert!(has_come.try_recv().is_err(), "the slow one is not through yet");
    drop(slow);
    waiting.await.unwrap();
    has_come.try_recv().unwrap();
}
