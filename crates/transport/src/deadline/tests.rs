//! What a timeout is, and what becomes of a call whose time is over. In virtual time.

use super::*;
use tower::ServiceExt;

#[test]
fn a_timeout_has_digits_and_a_unit() {
    check("1H", Ok(Some("3600s")));
    check("2M", Ok(Some("120s")));
    check("3S", Ok(Some("3s")));
    check("40m", Ok(Some("40ms")));
    check("5u", Ok(Some("5µs")));
    check("6n", Ok(Some("6ns")));
    check("99999999H", Ok(Some("359999996400s")));
}

#[test]
fn anything_else_is_refused() {
    for value in ["", "S", "1", "123456789S", "-1S", "1.5S", "1 S", "1s", "1h", "S1", "+1S"] {
        check(value, Err(InvalidTimeout));
    }
}

#[test]
fn two_timeouts_are_one_too_many() {
    let mut headers = HeaderMap::new();
    headers.append("grpc-timeout", "1S".parse().unwrap());
    headers.append("grpc-timeout", "2S".parse().unwrap());
    assert_eq!(timeout_of(&headers), Err(InvalidTimeout));
}

#[tokio::test(start_paused = true)]
async fn a_call_is_answered_within_its_deadline_or_told_that_it_passed() {
    call(Some("5S"), Duration::from_secs(4), tonic::Code::Ok, Some(5)).await;
    call(Some("5S"), Duration::from_secs(6), tonic::Code::DeadlineExceeded, Some(5)).await;
}

#[tokio::test(start_paused = true)]
async fn a_call_without_a_timeout_has_no_deadline_but_must_begin_its_answer() {
    call(None, Duration::from_secs(59), tonic::Code::Ok, None).await;
    call(None, Duration::from_secs(61), tonic::Code::DeadlineExceeded, None).await;
}

#[tokio::test(start_paused = true)]
async fn a_call_that_comes_too_late_or_malformed_is_not_worked_on() {
    call(Some("0m"), Duration::ZERO, tonic::Code::DeadlineExceeded, None).await;
    call(Some("soon"), Duration::ZERO, tonic::Code::InvalidArgument, None).await;
}

#[tokio::test(start_paused = true)]
async fn the_longest_timeout_is_far_away_and_not_a_crash() {
    call(Some("99999999H"), Duration::from_secs(1), tonic::Code::Ok, Some(359_999_996_400)).await;
}

#[track_caller]
fn check(value: &str, expected: Result<Option<&str>, InvalidTimeout>) {
    let mut headers = HeaderMap::new();
    headers.insert("grpc-timeout", value.parse().unwrap());
    let found = timeout_of(&headers).map(|timeout| timeout.map(|timeout| format!("{timeout:?}")));
    assert_eq!(found, expected.map(|timeout| timeout.map(str::to_owned)), "for {value:?}");
}

/// Makes a call whose handler takes this long and sees a deadline this many seconds away, or never runs.
async fn call(timeout: Option<&str>, takes: Duration, code: tonic::Code, sees: Option<u64>) {
    let seen = std::sync::Arc::new(std::sync::Mutex::new(None));
    let note = seen.clone();
    let service = tower::service_fn(move |request: Request<()>| {
        *note.lock().unwrap() =
            Deadline::of(request.extensions()).map(|deadline| deadline.remaining().as_secs());
        async move {
            tokio::time::sleep(takes).await;
            Ok::<_, Infallible>(Status::ok("").into_http::<Body>())
        }
    });
    let mut request = Request::new(());
    if let Some(timeout) = timeout {
        request.headers_mut().insert("grpc-timeout", timeout.parse().unwrap());
    }
    let answer = DeadlineLayer.layer(service).oneshot(request).await.unwrap();
    let status = Status::from_header_map(answer.headers()).unwrap();
    assert_eq!(
        (status.code(), *seen.lock().unwrap()),
        (code, sees),
        "for {timeout:?} taking {takes:?}"
    );
}
