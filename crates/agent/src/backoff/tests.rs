//! Waits double up to a bound, and a good connection makes them short again.

use super::*;

#[test]
fn waits_double_up_to_a_bound() {
    check(u32::MAX, &[100, 200, 400, 800, 1600, 3200, 5000, 5000]);
}

#[test]
fn chance_halves_them_at_most() {
    check(0, &[50, 100, 200, 400, 800, 1600, 2500, 2500]);
}

#[test]
fn a_good_connection_makes_them_short_again() {
    let mut backoff = Backoff::default();
    for _ in 0..100 {
        backoff.next(0);
    }
    backoff.reset();
    assert_eq!(backoff.next(0), Duration::from_millis(50));
}

#[track_caller]
fn check(random: u32, millis: &[u128]) {
    let mut backoff = Backoff::default();
    let waits: Vec<u128> = millis.iter().map(|_| backoff.next(random).as_millis()).collect();
    assert_eq!(waits, millis);
}
