//! Feeds a target with texts that are made from good ones by a seed: the harness of all fuzz targets, those of other crates, too.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    time::{Duration, Instant},
};

use fastrand::Rng;

/// No input may take longer: a second, and some more on a loaded machine and unoptimised.
const LONGEST: Duration = Duration::from_secs(if cfg!(debug_assertions) { 5 } else { 1 });

/// Nor may it stand still for so long, on whatever machine.
const STUCK: Duration = Duration::from_secs(120);

/// No target may make the process larger.
const LARGEST: usize = 512 << 20;

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
fn mutated(dice: &mut Rng, seeds: &[&str]) -> String {
    let mut text: Vec<char> = seeds[dice.usize(..seeds.len())].chars().collect();
    for _ in 0..=dice.usize(..6) {
        let at = dice.usize(..text.len() + 1);
        match dice.usize(..6) {
            0 => text.truncate(at),
            1 => {
                let bite = BITES[dice.usize(..BITES.len())];
                text.splice(at..at, bite.chars());
            }
            2 if !text.is_empty() => drop(text.remove(at.min(text.len() - 1))),
            3 => {
                let other: Vec<char> = seeds[dice.usize(..seeds.len())].chars().collect();
                let from = dice.usize(..other.len() + 1);
                text.splice(at.., other[from..].iter().copied());
            }
            4 => {
                let part: Vec<char> = text[at..].iter().take(8).copied().collect();
                let times = 1 + dice.usize(..40);
                text.splice(at..at, part.repeat(times));
            }
            _ => text
                .splice(at..at, [char::from_u32(dice.u32(..0x300)).unwrap_or('x')])
                .for_each(drop),
        }
        text.truncate(4000);
    }
    text.into_iter().collect()
}

fn said<T: std::str::FromStr>(name: &str) -> Option<T> {
    std::env::var(name).ok()?.parse().ok()
}

/// How long the processor has worked for this process, where the system tells.
fn busy() -> Option<Duration> {
    let all = std::fs::read_to_string("/proc/self/stat").ok()?;
    // After the name, which may have spaces: the times in user and in kernel mode, in hundredths of a second.
    let mut rest = all.rsplit_once(')')?.1.split_whitespace().skip(11);
    let mut ticks = || rest.next()?.parse::<u64>().ok();
    Some(Duration::from_millis((ticks()? + ticks()?) * 10))
}

/// The most memory that this process ever had, in bytes, where the system tells.
fn peak() -> Option<usize> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    let kilobytes: usize = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kilobytes * 1024)
}

/// Feeds a target for its time (`KMOCK_FUZZ`, in seconds), or with so many inputs (`KMOCK_FUZZ_INPUTS`), whichever ends first where
/// both are said, and says how it went.
pub(crate) fn feed(name: &str, seeds: &[&str], mut target: impl FnMut(&str)) {
    let mut dice = Rng::with_seed(said("KMOCK_SEED").unwrap_or(1));
    let most: Option<u64> = said("KMOCK_FUZZ_INPUTS");
    let budget = match said("KMOCK_FUZZ") {
        Some(seconds) => Duration::from_secs_f64(seconds),
        None if most.is_some() => Duration::MAX,
        None => Duration::from_millis(200),
    };
    let (began, before) = (Instant::now(), peak());
    let (mut inputs, mut longest) = (0_u64, Duration::ZERO);
    for seed in seeds {
        target(seed);
    }
    while inputs < most.unwrap_or(u64::MAX) && began.elapsed() < budget {
        let input = mutated(&mut dice, seeds);
        let mut fed = || {
            let since = Instant::now();
            let fed = catch_unwind(AssertUnwindSafe(|| target(&input)));
            assert!(fed.is_ok(), "{name} panics on {input:?}");
            since.elapsed()
        };
        let mut took = fed();
        if took >= LONGEST
            && let Some(before) = busy()
        {
            // It may only have waited for its turn: what the processor does for it is what counts.
            let again = fed();
            let busy = busy().map_or(again, |now| now.saturating_sub(before));
            took = if again < STUCK { busy } else { again };
        }
        assert!(took < LONGEST, "{name} takes {took:?} on {input:?}");
        longest = longest.max(took);
        inputs += 1;
    }
    let took = began.elapsed();
    let grown = peak()
        .zip(before)
        .map_or(0, |(now, before)| now.saturating_sub(before));
    println!(
        "{name}: {inputs} inputs in {took:.1?}, the longest {longest:.1?}, {} MiB more",
        grown >> 20
    );
    assert!(grown < LARGEST, "{name} takes {grown} bytes");
}
