//! The bounds of contracts against figures that are known.

use belay_domain::{Mode, Span};

use super::{BoundName, Bounds, Figures, Proof, least, next_mode, proof_in, wilson};

/// Newcombe, "Two-sided confidence intervals for the single proportion", Statistics in Medicine 17 (1998), table I,
/// method 3 (score without continuity correction); the last two follow from n / (n + z²).
#[test]
fn wilson_intervals_are_those_that_are_published() {
    let known = [
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
        (29, 29, 0.8830, 1.0),
        (10, 10, 0.7225, 1.0),
        (100, 100, 0.9630, 1.0),
    ];
    for (good, all, lower, upper) in known {
        let found = wilson(good, all).unwrap();
        let near = |one: f64, other: f64| (one - other).abs() < 0.000_051;
        assert!(near(found.0, lower) && near(found.1, upper), "{good} of {all}: {found:?}");
    }
    assert_eq!(wilson(0, 0), None);
}

#[test]
fn nothing_known_holds_no_rule_that_needs_outcomes() {
    check(Figures::default(), Proof::Written, "sample verified");
    check(Figures::default(), Proof::Compared, "sample verified");
}

#[test]
fn enough_outcomes_that_are_as_promised_hold_every_rule() {
    check(Figures { verified: 50, ..Figures::default() }, Proof::Written, "");
    check(Figures { agreed: 50, absent: 400, ..Figures::default() }, Proof::Compared, "");
}

#[test]
fn one_outcome_too_few_is_too_few() {
    check(Figures { verified: 49, ..Figures::default() }, Proof::Written, "sample");
}

#[test]
fn what_was_written_says_nothing_in_shadow_and_what_was_compared_says_nothing_once_it_writes() {
    let both = Figures { verified: 500, agreed: 0, ..Figures::default() };
    check(both, Proof::Compared, "sample verified");
    let both = Figures { agreed: 500, ..Figures::default() };
    check(both, Proof::Written, "sample verified");
}

#[test]
fn failures_and_what_nobody_could_find_out_count_against_it() {
    check(Figures { verified: 50, failed: 3, ..Figures::default() }, Proof::Written, "verified");
    let untold = Figures { verified: 50, unresolved: 3, ..Figures::default() };
    check(untold, Proof::Written, "verified");
}

#[test]
fn each_rule_fails_by_itself() {
    let good =
        Figures { verified: 1_000, asked: 100, overridden: 10, diverged: 1, ..Figures::default() };
    check(good, Proof::Written, "");
    check(Figures { overridden: 11, ..good }, Proof::Written, "overrides");
    check(Figures { diverged: 2, ..good }, Proof::Written, "divergences");
    let compared = Figures { agreed: 1_000, differed: 2, ..Figures::default() };
    check(compared, Proof::Compared, "divergences");
}

#[test]
fn what_is_missing_is_what_it_takes() {
    let bounds = Bounds::default();
    for figures in [
        Figures { verified: 3, ..Figures::default() },
        Figures { verified: 60, failed: 8, ..Figures::default() },
        Figures { verified: 400, failed: 60, ..Figures::default() },
    ] {
        let found = bounds.graduate(&figures, Proof::Written);
        let missing = &found[1].missing;
        let more: u64 = missing.split(' ').next().unwrap().parse().unwrap();
        let then = |more: u64| {
            let figures = Figures { verified: figures.verified + more, ..figures };
            bounds.graduate(&figures, Proof::Written)[1].holds
        };
        assert!(then(more) && !then(more - 1), "{missing}: {figures:?}");
    }
    let few = bounds.graduate(&Figures { verified: 20, ..Figures::default() }, Proof::Written);
    assert!(few[0].missing.starts_with("30 more"), "{}", few[0].missing);
    let changed = Figures { asked: 10, overridden: 2, ..Figures::default() };
    let changed = bounds.graduate(&changed, Proof::Written);
    assert!(changed[2].missing.starts_with("10 more"), "{}", changed[2].missing);
}

#[test]
fn a_contract_leaves_its_bounds_only_when_it_is_certain() {
    left(Figures::default(), "");
    left(Figures { verified: 50, ..Figures::default() }, "");
    // 8 of 10 may well be 90 % in truth; 60 of 100 are not.
    left(Figures { verified: 8, failed: 2, ..Figures::default() }, "");
    left(Figures { verified: 60, failed: 40, ..Figures::default() }, "verified");
    // A first failure is no share, whatever interval it has.
    left(Figures { failed: 1, ..Figures::default() }, "");
    left(Figures { failed: 7, ..Figures::default() }, "");
    left(Figures { failed: 8, ..Figures::default() }, "verified");
    left(Figures { asked: 7, overridden: 7, ..Figures::default() }, "");
    left(Figures { asked: 8, overridden: 8, ..Figures::default() }, "overrides");
    left(Figures { verified: 10_000, diverged: 1, ..Figures::default() }, "");
    left(Figures { verified: 10_000, diverged: 2, ..Figures::default() }, "divergences");
    left(Figures { asked: 3, overridden: 1, ..Figures::default() }, "");
    left(Figures { asked: 100, overridden: 30, ..Figures::default() }, "overrides");
    // What it would have done in shadow takes nothing back.
    left(Figures { agreed: 1, differed: 50, ..Figures::default() }, "");
    let all = Figures { verified: 1, diverged: 99, asked: 9, overridden: 9, ..Figures::default() };
    left(all, "divergences verified overrides");
}

#[test]
fn bounds_are_what_operators_write() {
    let strict = Bounds { sample_min: 1, verified_min: 0.2, ..Bounds::default() };
    let one = Figures { verified: 1, ..Figures::default() };
    assert!(strict.graduate(&one, Proof::Written).iter().all(|check| check.holds));
    let none = Bounds { divergences_max: 0, ..Bounds::default() };
    let diverged = Figures { verified: 500, diverged: 1, ..Figures::default() };
    assert_eq!(none.left(&diverged).len(), 1);
    let lax = Bounds { override_max: 0.5, verified_min: 0.01, ..Bounds::default() };
    let bad =
        Figures { verified: 60, failed: 40, asked: 100, overridden: 30, ..Figures::default() };
    assert_eq!(lax.left(&bad), Vec::new());
    let window = Bounds { window: Span::from_hours(1), ..none };
    assert!(window.left(&diverged)[0].detail.contains("1h"), "{:?}", window.left(&diverged));
}

#[test]
fn modes_follow_each_other_and_are_judged_by_what_they_do() {
    assert_eq!(next_mode(Mode::Shadow), Some(Mode::Canary));
    assert_eq!(next_mode(Mode::Canary), Some(Mode::Live));
    assert_eq!(next_mode(Mode::Live), None);
    assert_eq!(proof_in(Mode::Shadow), Proof::Compared);
    assert_eq!(proof_in(Mode::Canary), Proof::Written);
    assert_eq!(proof_in(Mode::Live), Proof::Written);
}

/// Fourteen figures, no two alike: `first`, `first + step` and so on.
fn counted(first: u64, step: u64) -> Figures {
    let nth = |n: u64| first + n * step;
    Figures {
        decided: nth(0),
        denied: nth(1),
        shadowed: nth(2),
        agreed: nth(3),
        differed: nth(4),
        absent: nth(5),
        untold: nth(6),
        asked: nth(7),
        overridden: nth(8),
        sent: nth(9),
        verified: nth(10),
        diverged: nth(11),
        failed: nth(12),
        unresolved: nth(13),
    }
}

#[test]
fn figures_of_several_hours_add_up() {
    let mut sum = counted(1, 1);
    sum += counted(100, 10);
    assert_eq!(sum, counted(101, 11));
    sum += Figures::default();
    assert_eq!(sum, counted(101, 11));
}

#[test]
fn a_share_that_is_exactly_its_bound_is_within_it() {
    let figures =
        Figures { verified: 60, failed: 40, asked: 100, overridden: 30, ..Figures::default() };
    let (_, verified_min) = wilson(60, 100).unwrap();
    let (override_max, _) = wilson(30, 100).unwrap();
    let exactly = Bounds { verified_min, override_max, ..Bounds::default() };
    assert_eq!(exactly.left(&figures), Vec::new());
    let (verified_min, _) = wilson(60, 100).unwrap();
    let exactly = Bounds { verified_min, override_max: 0.3, ..Bounds::default() };
    assert!(exactly.graduate(&figures, Proof::Written).iter().all(|check| check.holds));
}

#[test]
fn what_was_found_is_said_in_words() {
    let figures = Figures {
        verified: 60,
        failed: 39,
        diverged: 1,
        asked: 100,
        overridden: 30,
        ..Figures::default()
    };
    let none = Bounds { divergences_max: 0, ..Bounds::default() };
    let said = |checks: Vec<super::BoundCheck>| -> Vec<String> {
        checks.into_iter().map(|check| check.detail).collect()
    };
    assert_eq!(
        said(none.graduate(&figures, Proof::Written)),
        [
            "100 outcomes of what it wrote, at least 50",
            "60 of 100 as promised, at least 50.2 % with 95 % confidence; wanted 90.0 %",
            "people rejected or changed 30 of 100, 30.0 %; at most 10.0 %",
            "1 divergence within 720h, at most 0",
        ]
    );
    assert_eq!(
        said(none.left(&figures)),
        [
            "1 divergence within 720h, at most 0",
            "60 of 100 were verified, so at most 69.1 % are; at least 90.0 % have to be",
            "people rejected or changed 30 of 100, so at least 21.9 % are; at most 10.0 % may be",
        ]
    );
    let two = Figures { diverged: 2, ..Figures::default() };
    assert!(none.left(&two)[0].detail.starts_with("2 divergences within"));
}

#[test]
fn the_least_number_is_found_at_both_ends() {
    assert_eq!(least(|more| more >= 1), Some(1));
    assert_eq!(least(|more| more >= 7), Some(7));
    assert_eq!(least(|_| false), None);
}

#[track_caller]
fn check(figures: Figures, proof: Proof, failing: &str) {
    let found = Bounds::default().graduate(&figures, proof);
    assert_eq!(found.len(), 4);
    assert!(found.iter().all(|check| check.holds == check.missing.is_empty()), "{found:?}");
    let failed: Vec<_> = found.iter().filter(|c| !c.holds).map(|c| c.name.as_str()).collect();
    assert_eq!(failed.join(" "), failing, "{found:?}");
}

#[track_caller]
fn left(figures: Figures, expected: &str) {
    let left = Bounds::default().left(&figures);
    assert!(left.iter().all(|check| !check.holds && check.name != BoundName::Sample), "{left:?}");
    let names: Vec<_> = left.iter().map(|check| check.name.as_str()).collect();
    assert_eq!(names.join(" "), expected, "{left:?}");
}
