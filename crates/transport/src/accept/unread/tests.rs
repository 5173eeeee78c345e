//! Who reads keeps the stream, however slowly; who does not loses it. In virtual time, without HTTP/2.

use super::*;

use std::convert::Infallible;

use hyper::body::Bytes;

const LIMIT: Duration = Duration::from_secs(15);

#[tokio::test(start_paused = true)]
async fn a_piece_may_wait_for_as_long_as_the_limit() {
    check("40000", &[14, 14, 14, 14], true).await;
    check("40000", &[14, 16, 1, 1], false).await;
}

#[tokio::test(start_paused = true)]
async fn a_stream_with_nothing_to_say_may_stay_quiet() {
    check("10 pause 10 pause 10", &[1, 1, 1, 1], true).await;
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_was_quiet_is_cut_like_any_other() {
    check("10 pause 10 10", &[1, 1, 16, 1], false).await;
}

#[tokio::test(start_paused = true)]
async fn nothing_is_lost_or_changed_on_the_way() {
    for length in [0, 1, PIECE_BYTES_MAX - 1, PIECE_BYTES_MAX, PIECE_BYTES_MAX + 1, 100_000] {
        let sent: Bytes = (0..length).map(|place| (place % 251) as u8).collect();
        let mut body = Paced::new(Script::of(vec![Step::Say(sent.clone())]));
        let mut came = Vec::new();
        while let Some(frame) = next(&mut body).await {
            let piece = frame.into_data().unwrap();
            assert!(piece.len() <= PIECE_BYTES_MAX);
            came.extend(piece);
        }
        assert_eq!(came, sent);
    }
}

/// Serves a body to a client that takes so many seconds over each piece.
async fn check(script: &str, seconds: &'static [u64], served: bool) {
    let steps = script.split(' ').map(|word| match word {
        "pause" => Step::Pause,
        length => Step::Say(vec![7; length.parse().unwrap()].into()),
    });
    let steps = steps.collect();
    let handler = async move {
        let mut body = Paced::new(Script::of(steps));
        let mut seconds = seconds.iter();
        while next(&mut body).await.is_some() {
            tokio::time::sleep(Duration::from_secs(*seconds.next().unwrap_or(&0))).await;
        }
    };
    assert_eq!(serve(handler, LIMIT).await, served, "{script}, read after {seconds:?}");
}

async fn next(body: &mut Paced<Script>) -> Option<Frame<Bytes>> {
    poll_fn(|context| Pin::new(&mut *body).poll_frame(context)).await.map(Result::unwrap)
}

/// An answer that says something, or nothing for an hour.
struct Script {
    steps: std::vec::IntoIter<Step>,
    pause: Option<Pin<Box<tokio::time::Sleep>>>,
}

enum Step {
    Say(Bytes),
    Pause,
}

impl Script {
    fn of(steps: Vec<Step>) -> Self {
        Self { steps: steps.into_iter(), pause: None }
    }
}

impl Body for Script {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        loop {
            if let Some(pause) = &mut self.pause {
                ready!(pause.as_mut().poll(context));
                self.pause = None;
            }
            match self.steps.next() {
                None => return Poll::Ready(None),
                Some(Step::Say(data)) => return Poll::Ready(Some(Ok(Frame::data(data)))),
                Some(Step::Pause) => {
                    self.pause = Some(Box::pin(sleep(Duration::from_secs(3600))));
                }
            }
        }
    }
}
