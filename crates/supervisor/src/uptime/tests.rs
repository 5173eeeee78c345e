use std::time::Duration;

use super::Uptime;

#[test]
fn two_readings_of_one_boot_tell_the_time_between_them() {
    assert_eq!(at("a", 70).since(&at("a", 10)), Some(Duration::from_secs(60)));
    assert_eq!(at("a", 10).since(&at("a", 10)), Some(Duration::ZERO));
}

#[test]
fn another_boot_or_a_clock_that_went_back_tells_nothing() {
    assert_eq!(at("b", 70).since(&at("a", 10)), None);
    assert_eq!(
        at("a", 9).since(&at("a", 10)),
        None,
        "a machine that was put back to an earlier state"
    );
}

#[cfg(target_os = "linux")]
#[test]
fn this_machine_tells_how_long_it_has_been_up() {
    let (first, then) = (Uptime::of_machine().unwrap(), Uptime::of_machine().unwrap());
    assert!(!first.boot.is_empty());
    assert!(then.since(&first).is_some(), "{first:?} and {then:?} are of one boot");
}

fn at(boot: &str, seconds: u64) -> Uptime {
    Uptime { boot: boot.to_owned(), up: Duration::from_secs(seconds) }
}
