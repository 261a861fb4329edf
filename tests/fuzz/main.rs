//! Fuzzing as a habit: each target reads what others send, fed with texts that are made from good ones by a seed.
//!
//! It runs on stable and as a test, without a sanitizer: there is no unsafe code to watch, what counts are panics and inputs
//! that take too long, and a seed plays each of them again. `KMOCK_FUZZ=60 cargo test --test fuzz` gives each target a minute
//! (a fifth of a second otherwise); `KMOCK_SEED=7` begins elsewhere.

mod targets;

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    time::{Duration, Instant},
};

/// No input may take longer, on a loaded machine and unoptimised, too.
const LONGEST: Duration = Duration::from_secs(5);

/// splitmix64.
pub(crate) struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, n: usize) -> usize {
        usize::try_from(self.next() % (n.max(1) as u64)).unwrap_or(0)
    }
}

/// What bites parsers: ends of things, numbers at their limits, letters of many bytes.
const BITES: [&str; 24] = [
    "\"",
    "\\",
    "{",
    "}",
    "[",
    "]",
    "(",
    ")",
    ",",
    ":",
    "/",
    "%",
    "*",
    "~",
    "\0",
    "\u{202e}",
    "ß",
    "🦀",
    "-1",
    "18446744073709551616",
    "1e999",
    "\r\n",
    "&",
    "=",
];

/// A text from some that are good: spliced, cut, doubled, bitten.
fn mutated(dice: &mut Dice, seeds: &[&str]) -> String {
    let mut text: Vec<char> = seeds[dice.below(seeds.len())].chars().collect();
    for _ in 0..=dice.below(6) {
        let at = dice.below(text.len() + 1);
        match dice.below(6) {
            0 => text.truncate(at),
            1 => {
                let bite = BITES[dice.below(BITES.len())];
                text.splice(at..at, bite.chars());
            }
            2 if !text.is_empty() => drop(text.remove(at.min(text.len() - 1))),
            3 => {
                let other: Vec<char> = seeds[dice.below(seeds.len())].chars().collect();
                let from = dice.below(other.len() + 1);
                text.splice(at.., other[from..].iter().copied());
            }
            4 => {
                let part: Vec<char> = text[at..].iter().take(8).copied().collect();
                let times = 1 + dice.below(40);
                text.splice(at..at, part.repeat(times));
            }
            _ => text
                .splice(
                    at..at,
                    [char::from_u32((dice.next() % 0x300) as u32).unwrap_or('x')],
                )
                .for_each(drop),
        }
        text.truncate(4000);
    }
    text.into_iter().collect()
}

fn budget() -> Duration {
    let said = std::env::var("KMOCK_FUZZ")
        .ok()
        .and_then(|text| text.parse().ok());
    said.map_or(Duration::from_millis(200), Duration::from_secs_f64)
}

/// Feeds a target for its time; the number of inputs.
pub(crate) fn feed(name: &str, seeds: &[&str], mut target: impl FnMut(&str)) {
    let seed = std::env::var("KMOCK_SEED")
        .ok()
        .and_then(|text| text.parse().ok());
    let mut dice = Dice(seed.unwrap_or(1));
    let (began, budget) = (Instant::now(), budget());
    let mut inputs = 0_u64;
    for seed in seeds {
        target(seed);
    }
    while began.elapsed() < budget {
        let input = mutated(&mut dice, seeds);
        let since = Instant::now();
        let fed = catch_unwind(AssertUnwindSafe(|| target(&input)));
        assert!(fed.is_ok(), "{name} panics on {input:?}");
        let took = since.elapsed();
        assert!(took < LONGEST, "{name} takes {took:?} on {input:?}");
        inputs += 1;
    }
    println!("{name}: {inputs} inputs in {:?}", began.elapsed());
}
