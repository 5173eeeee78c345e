//! The neighbourhood of the corpus: every input bent a little, blindly, from a seed. It is no replacement for searching
//! with instrumentation, but it needs nothing but a test run: `BELAY_FUZZ_SECONDS=60 cargo test --test near`.

use std::path::Path;
use std::time::{Duration, Instant};

/// Words that parsers stumble over.
const WORDS: &[&[u8]] = &[
    b"",
    b"0",
    b"-1",
    b"1e999",
    b"9223372036854775808",
    b"18446744073709551615",
    b"null",
    b"[]",
    b"{}",
    b"\"",
    b"\\u0000",
    b"${",
    b"}",
    b"[[[[[[[[",
    b"((((((((",
    b"\xff",
    b"\0",
    b"\xf0\x9f\x92\xa9",
    b"\n",
    b": ",
    b"- ",
    b"&a ",
    b"*a",
    b"!!",
    b"<<",
    b"size(",
    b"/",
    b"..",
    b"%2e",
    b"\x80\x80\x80\x80\x80\x80\x80\x80\x80\x7f",
    b"9999-12-31T23:59:59Z",
    b"-009999-01-01T00:00:00Z",
    b"NaN",
    b"'",
    b"OR",
    b"*",
    b"spiffe://",
    b"sha256:",
];

#[test]
fn nothing_near_the_corpus_breaks_its_target() {
    let seed =
        std::env::var("BELAY_FUZZ_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(1);
    let seconds = std::env::var("BELAY_FUZZ_SECONDS").ok().and_then(|it| it.parse().ok());
    let limit = seconds.map_or(Duration::from_millis(500), Duration::from_secs);
    let only = std::env::var("BELAY_FUZZ_TARGET").ok();
    println!("BELAY_FUZZ_SEED={seed}");
    for (name, target) in belay_fuzz::TARGETS {
        if only.as_ref().is_some_and(|only| only != name) {
            continue;
        }
        let inputs = corpus(name);
        let mut dice = Dice(seed);
        let (began, mut tried) = (Instant::now(), 0_u64);
        while began.elapsed() < limit {
            let input = bend(&inputs, &mut dice);
            let broken = std::panic::catch_unwind(|| target(&input)).is_err();
            if broken {
                let file = std::env::temp_dir().join(format!("belay-fuzz-{name}"));
                std::fs::write(&file, &input).unwrap();
                panic!(
                    "{name} is broken by {}: {:?}",
                    file.display(),
                    String::from_utf8_lossy(&input)
                );
            }
            tried += 1;
        }
        println!(
            "{name}: {tried} tried, {:.0} a second",
            tried as f64 / began.elapsed().as_secs_f64()
        );
    }
}

fn corpus(name: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(name);
    let mut paths: Vec<_> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths.iter().map(|path| std::fs::read(path).unwrap()).collect()
}

fn bend(inputs: &[Vec<u8>], dice: &mut Dice) -> Vec<u8> {
    let mut bytes = inputs[dice.below(inputs.len())].clone();
    for _ in 0..=dice.below(4) {
        let at = dice.below(bytes.len() + 1);
        let until = (at + dice.below(16)).min(bytes.len());
        match dice.below(7) {
            0 if at < bytes.len() => bytes[at] ^= 1 << dice.below(8),
            1 if at < bytes.len() => bytes[at] = dice.next() as u8,
            2 => drop(bytes.drain(at..until)),
            3 => {
                let piece = bytes[at..until].to_vec();
                bytes.splice(at..at, piece);
            }
            4 => {
                let word = WORDS[dice.below(WORDS.len())];
                bytes.splice(at..at, word.iter().copied());
            }
            5 => {
                let word = WORDS[dice.below(WORDS.len())];
                bytes.splice(at..until, word.iter().copied());
            }
            _ => {
                let other = &inputs[dice.below(inputs.len())];
                let from = dice.below(other.len() + 1);
                let piece = other[from..(from + dice.below(64)).min(other.len())].to_vec();
                bytes.splice(at..at, piece);
            }
        }
    }
    bytes
}

/// Random numbers that are the same every time (xorshift).
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, most: usize) -> usize {
        (self.next() % most.max(1) as u64) as usize
    }
}
