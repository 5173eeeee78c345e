//! When a contract may write more, and when it has to stop writing.
//!
//! A contract begins in shadow, where it decides and never writes; then it writes for a share of the cases, then for
//! all. Each step needs figures: enough outcomes, a share of them that is as promised with 95 % confidence, few that
//! people rejected or changed, and hardly a divergence. The same bounds, read the other way round, take a contract back
//! that has left them. Pure: figures in, and for every rule what it found and what is missing.

mod comparing;
mod compile;
mod recording;

use std::ops::AddAssign;

use belay_domain::{Mode, Span};

pub(crate) use compile::compile;
pub use recording::{Exchange, RecordedCase, Recording, read_object};

/// The 97.5 % quantile of the standard normal distribution: both ends of an interval of 95 %.
const Z: f64 = 1.959_963_984_540_054;

/// Of fewer outcomes than this no share is taken: the interval of a single failure lies outside of every bound.
const SHARE_OF_MIN: u64 = 8;

/// How far ahead it is counted what is missing.
const AHEAD_MAX: u64 = 100_000;

/// What a contract has to show.
#[derive(Clone, Debug, PartialEq)]
pub struct Bounds {
    /// How many outcomes there have to be.
    pub sample_min: u64,
    /// The share of them that has to be as promised.
    pub verified_min: f64,
    /// The largest share of proposals that people may reject or change.
    pub override_max: f64,
    /// How many divergences there may be.
    pub divergences_max: u64,
    /// How far it looks back.
    pub window: Span,
    /// How long after a proposal in shadow it is looked whether people did it otherwise.
    pub compare_within: Span,
    /// The escalation policy by which operators are asked; none means the routing's.
    pub alarm: Option<String>,
    /// Which demotion a person took back.
    pub restored: Option<Restored>,
}

/// A demotion that a person took back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Restored {
    /// The case in which people were asked about it.
    pub demotion: String,
    /// Who took it back.
    pub by: String,
    /// Why.
    pub reason: String,
}

/// What is known of one version of a contract within a window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// Proposals that were decided.
    pub decided: u64,
    /// Those that were denied.
    pub denied: u64,
    /// Those that would have been allowed and were not written.
    pub shadowed: u64,
    /// Not written, and people did exactly that.
    pub agreed: u64,
    /// Not written, and people did something else.
    pub differed: u64,
    /// Not written, and nobody did it.
    pub absent: u64,
    /// Not written, and nobody can tell what people did.
    pub untold: u64,
    /// Proposals on which people decided.
    pub asked: u64,
    /// Those that they rejected or changed.
    pub overridden: u64,
    /// Actions that were sent.
    pub sent: u64,
    /// A read-back showed what was promised.
    pub verified: u64,
    /// A read-back showed something else.
    pub diverged: u64,
    /// It took no effect.
    pub failed: u64,
    /// Nobody could find out in time, and people were told.
    pub unresolved: u64,
}

/// From what a contract is judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proof {
    /// What it would have done, compared with what people did.
    Compared,
    /// What it wrote, read back.
    Written,
}

/// The rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BoundName {
    /// Enough outcomes.
    Sample,
    /// As promised.
    Verified,
    /// Seldom rejected or changed by people.
    Overrides,
    /// Hardly ever something else than was promised.
    Divergences,
}

/// What one rule found.
#[derive(Clone, Debug, PartialEq)]
pub struct BoundCheck {
    /// The rule.
    pub name: BoundName,
    /// Whether it holds.
    pub holds: bool,
    /// What it looked at: a count, or the end of a confidence interval.
    pub found: f64,
    /// What that is held against.
    pub bound: f64,
    /// The same in words.
    pub detail: String,
    /// What is missing, in words; empty when it holds.
    pub missing: String,
}

/// The mode after this one; none after the last.
#[must_use]
pub fn next_mode(mode: Mode) -> Option<Mode> {
    match mode {
        Mode::Shadow => Some(Mode::Canary),
        Mode::Canary => Some(Mode::Live),
        Mode::Live => None,
    }
}

/// From what a contract in this mode is judged.
#[must_use]
pub fn proof_in(mode: Mode) -> Proof {
    match mode {
        Mode::Shadow => Proof::Compared,
        Mode::Canary | Mode::Live => Proof::Written,
    }
}

impl Bounds {
    /// Whether a contract with these figures may go one step on: every rule, and whether it holds.
    #[must_use]
    pub fn graduate(&self, figures: &Figures, proof: Proof) -> Vec<BoundCheck> {
        let (good, all) = figures.sample(proof);
        let differed = figures.divergences(proof);
        vec![
            self.sample(all, proof),
            self.verified(good, all),
            self.overrides(figures.overridden, figures.asked),
            self.divergences(differed),
        ]
    }

    /// The rules that a contract which writes has left for certain; none while it is within its bounds. A few outcomes
    /// say little, so a share counts only of eight or more, and only once all of its interval lies outside.
    #[must_use]
    pub fn left(&self, figures: &Figures) -> Vec<BoundCheck> {
        let (good, all) = figures.sample(Proof::Written);
        let mut left = Vec::new();
        let diverged = self.divergences(figures.divergences(Proof::Written));
        if !diverged.holds {
            left.push(diverged);
        }
        if let Some((_, upper)) = wilson(good, all)
            && all >= SHARE_OF_MIN
            && upper < self.verified_min
        {
            left.push(BoundCheck {
                name: BoundName::Verified,
                holds: false,
                found: upper,
                bound: self.verified_min,
                detail: format!(
                    "{good} of {all} were verified, so at most {} are; at least {} have to be",
                    percent(upper),
                    percent(self.verified_min)
                ),
                missing: "find out what goes wrong before it writes again".to_owned(),
            });
        }
        if let Some((lower, _)) = wilson(figures.overridden, figures.asked)
            && figures.asked >= SHARE_OF_MIN
            && lower > self.override_max
        {
            left.push(BoundCheck {
                name: BoundName::Overrides,
                holds: false,
                found: lower,
                bound: self.override_max,
                detail: format!(
                    "people rejected or changed {} of {}, so at least {} are; at most {} may be",
                    figures.overridden,
                    figures.asked,
                    percent(lower),
                    percent(self.override_max)
                ),
                missing: "find out why people decide otherwise".to_owned(),
            });
        }
        left
    }

    fn sample(&self, all: u64, proof: Proof) -> BoundCheck {
        let holds = all >= self.sample_min;
        let what = match proof {
            Proof::Compared => "proposals that people did by hand",
            Proof::Written => "outcomes of what it wrote",
        };
        let missing = format!("{} more {what}", self.sample_min.saturating_sub(all));
        BoundCheck {
            name: BoundName::Sample,
            holds,
            found: real(all),
            bound: real(self.sample_min),
            detail: format!("{all} {what}, at least {}", self.sample_min),
            missing: if holds { String::new() } else { missing },
        }
    }

    fn verified(&self, good: u64, all: u64) -> BoundCheck {
        let lower = wilson(good, all).map_or(0.0, |(lower, _)| lower);
        let holds = lower >= self.verified_min;
        let reached =
            |more: u64| wilson(good + more, all + more).is_some_and(|w| w.0 >= self.verified_min);
        let missing = match least(reached) {
            Some(more) => format!("{more} more that are as promised, without a miss"),
            None => "so many were not as promised that no number of others makes up for it".into(),
        };
        BoundCheck {
            name: BoundName::Verified,
            holds,
            found: lower,
            bound: self.verified_min,
            detail: format!(
                "{good} of {all} as promised, at least {} with 95 % confidence; wanted {}",
                percent(lower),
                percent(self.verified_min)
            ),
            missing: if holds { String::new() } else { missing },
        }
    }

    fn overrides(&self, overridden: u64, asked: u64) -> BoundCheck {
        let rate = if asked == 0 { 0.0 } else { real(overridden) / real(asked) };
        let holds = rate <= self.override_max;
        let reached = |more: u64| real(overridden) <= self.override_max * real(asked + more);
        let missing = match least(reached) {
            Some(more) => format!("{more} more that people approve as they are"),
            None => "until those are out of the window".to_owned(),
        };
        BoundCheck {
            name: BoundName::Overrides,
            holds,
            found: rate,
            bound: self.override_max,
            detail: format!(
                "people rejected or changed {overridden} of {asked}, {}; at most {}",
                percent(rate),
                percent(self.override_max)
            ),
            missing: if holds { String::new() } else { missing },
        }
    }

    fn divergences(&self, count: u64) -> BoundCheck {
        let holds = count <= self.divergences_max;
        let over = count.saturating_sub(self.divergences_max);
        let s = if count == 1 { "" } else { "s" };
        BoundCheck {
            name: BoundName::Divergences,
            holds,
            found: real(count),
            bound: real(self.divergences_max),
            detail: format!(
                "{count} divergence{s} within {:#}, at most {}",
                self.window, self.divergences_max
            ),
            missing: if holds {
                String::new()
            } else {
                format!("until {over} of them are out of the window")
            },
        }
    }
}

impl Default for Bounds {
    /// What holds where nothing is said.
    fn default() -> Self {
        Self {
            sample_min: 50,
            verified_min: 0.9,
            override_max: 0.1,
            divergences_max: 1,
            window: Span::from_hours(24 * 30),
            compare_within: Span::from_hours(24),
            alarm: None,
            restored: None,
        }
    }
}

impl Figures {
    /// How many outcomes were as promised, and of how many.
    #[must_use]
    pub fn sample(&self, proof: Proof) -> (u64, u64) {
        match proof {
            // That nobody did it says nothing about how it would have been done.
            Proof::Compared => (self.agreed, self.agreed + self.differed),
            Proof::Written => {
                (self.verified, self.verified + self.diverged + self.failed + self.unresolved)
            }
        }
    }

    fn divergences(&self, proof: Proof) -> u64 {
        match proof {
            Proof::Compared => self.differed,
            Proof::Written => self.diverged,
        }
    }
}

impl AddAssign for Figures {
    fn add_assign(&mut self, other: Self) {
        let Self {
            decided,
            denied,
            shadowed,
            agreed,
            differed,
            absent,
            untold,
            asked,
            overridden,
            sent,
            verified,
            diverged,
            failed,
            unresolved,
        } = other;
        self.decided += decided;
        self.denied += denied;
        self.shadowed += shadowed;
        self.agreed += agreed;
        self.differed += differed;
        self.absent += absent;
        self.untold += untold;
        self.asked += asked;
        self.overridden += overridden;
        self.sent += sent;
        self.verified += verified;
        self.diverged += diverged;
        self.failed += failed;
        self.unresolved += unresolved;
    }
}

impl BoundName {
    /// The rule's stable name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sample => "sample",
            Self::Verified => "verified",
            Self::Overrides => "overrides",
            Self::Divergences => "divergences",
        }
    }
}

/// The ends of the Wilson score interval of 95 % for a share (E. B. Wilson, 1927); none of nothing. It keeps its
/// confidence where shares are close to one and counts are small, as they are here.
#[must_use]
pub fn wilson(good: u64, all: u64) -> Option<(f64, f64)> {
    if all == 0 {
        return None;
    }
    let (n, p) = (real(all), real(good) / real(all));
    let square = Z * Z;
    let centre = p + square / (2.0 * n);
    let reach = Z * ((p * (1.0 - p) + square / (4.0 * n)) / n).sqrt();
    let whole = 1.0 + square / n;
    Some((((centre - reach) / whole).max(0.0), ((centre + reach) / whole).min(1.0)))
}

/// How many more it takes until this is so, of as many as are counted ahead; it stays so from then on.
fn least(is_so: impl Fn(u64) -> bool) -> Option<u64> {
    if !is_so(AHEAD_MAX) {
        return None;
    }
    let (mut not, mut so) = (0, AHEAD_MAX);
    while so - not > 1 {
        let middle = not + (so - not) / 2;
        if is_so(middle) {
            so = middle;
        } else {
            not = middle;
        }
    }
    Some(so)
}

/// Counts beyond four thousand million are all the same here.
fn real(count: u64) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}

fn percent(share: f64) -> String {
    format!("{:.1} %", share * 100.0)
}

#[cfg(test)]
mod tests;
