//! Seeds that fail for a reason that is understood and not mended yet. The list may only shrink.

/// One of them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Known {
    /// Which.
    pub(crate) seed: u64,
    /// The rules that it breaks, separated by commas.
    rules: &'static str,
}

const LIST: &str = include_str!("../known.txt");

impl Known {
    /// All of them.
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        let lines = LIST.lines().filter(|line| !line.starts_with('#'));
        lines.filter_map(|line| {
            let mut words = line.split_whitespace();
            let (seed, rules) = (words.next()?.parse().ok()?, words.next()?);
            Some(Self { seed, rules })
        })
    }

    /// Whether all that went wrong in a run is known.
    pub(crate) fn explains(seed: u64, wrongs: &[String]) -> bool {
        let known = Self::all().find(|known| known.seed == seed);
        known.is_some_and(|known| {
            let is_known = |rule: &str| known.rules.split(',').any(|known| known == rule);
            wrongs.iter().all(|wrong| wrong.split(' ').next().is_some_and(is_known))
        })
    }
}
