//! Requests that come whole, in pieces, slowly, and never. In virtual time.

use super::*;

use std::convert::Infallible;

#[tokio::test(start_paused = true)]
async fn a_request_is_passed_on_as_it_came() {
    for pieces in
        [&[][..], &[0], &[5], &[1, 2, 3], &[16_000, 16_000], &[16_384, 1], &[600_000, 600_000, 7]]
    {
        let whole = Arrivals::new().whole(body(pieces, Duration::from_millis(1))).await.unwrap();
        assert_eq!(read(whole).await, pieces.iter().sum::<usize>(), "{pieces:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_request_that_does_not_come_is_not_waited_for() {
    let slow = Duration::from_secs(6);
    assert!(Arrivals::new().whole(body(&[1], slow)).await.is_ok());
    let late = Arrivals::new().whole(body(&[1, 1], slow)).await.map(drop).unwrap_err();
    assert_eq!(late.code(), tonic::Code::DeadlineExceeded);
}

#[tokio::test(start_paused = true)]
async fn large_requests_wait_for_each_other_and_small_ones_do_not() {
    let arrivals = Arrivals::new();
    let at_once = Duration::ZERO;
    let mut large = Vec::new();
    for _ in 0..LARGE_AT_ONCE_MAX {
        large.push(arrivals.whole(body(&[SMALL_BYTES_MAX + 1], at_once)).await.unwrap());
    }
    assert!(
        arrivals.whole(body(&[SMALL_BYTES_MAX + 1], at_once)).await.is_err(),
        "there is no room"
    );
    assert!(arrivals.whole(body(&[SMALL_BYTES_MAX], at_once)).await.is_ok());
    large.pop();
    assert!(arrivals.whole(body(&[SMALL_BYTES_MAX + 1], at_once)).await.is_ok());
}

/// A request in pieces of these lengths, each of which takes a while.
fn body(pieces: &[usize], each: Duration) -> Body {
    let pieces = pieces.to_vec();
    let coming = futures_util::stream::unfold(pieces.into_iter(), move |mut pieces| async move {
        let length = pieces.next()?;
        tokio::time::sleep(each).await;
        Some((Ok::<_, Infallible>(Frame::data(Bytes::from(vec![7; length]))), pieces))
    });
    Body::new(Coming(Box::pin(coming)))
}

async fn read(mut body: Body) -> usize {
    let mut length = 0;
    while let Some(frame) = poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await {
        length += frame.unwrap().into_data().unwrap().len();
    }
    length
}

struct Coming(Pin<Box<dyn futures_util::Stream<Item = Result<Frame<Bytes>, Infallible>> + Send>>);

impl hyper::body::Body for Coming {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.0.as_mut().poll_next(context)
    }
}
