//! Pauses, fixed or with jitter, and the dice that draw what looks random from the server's seed.

use std::{
    ops::{Range, RangeInclusive},
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

/// How long to wait: a duration, or a range of them from which each wait is drawn by the server's seed.
///
/// ```
/// # use kmock_runtime as kmock;
/// use std::time::Duration;
/// use kmock::Reply;
///
/// let steady = Reply::new().delay(Duration::from_secs(1));
/// let jittery = Reply::new().delay(Duration::from_millis(50)..Duration::from_millis(150));
/// # drop((steady, jittery));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Delay {
    least: Duration,
    most: Duration,
}

impl Delay {
    pub(crate) fn pick(self, dice: &Dice) -> Duration {
        if self.most <= self.least {
            return self.least;
        }
        self.least + (self.most - self.least).mul_f64(dice.fraction())
    }
}

impl From<Duration> for Delay {
    fn from(delay: Duration) -> Delay {
        Delay {
            least: delay,
            most: delay,
        }
    }
}

impl From<Range<Duration>> for Delay {
    fn from(range: Range<Duration>) -> Delay {
        Delay {
            least: range.start,
            most: range.end,
        }
    }
}

impl From<RangeInclusive<Duration>> for Delay {
    fn from(range: RangeInclusive<Duration>) -> Delay {
        Delay {
            least: *range.start(),
            most: *range.end(),
        }
    }
}

/// Numbers that look random and depend on nothing but the server's seed and the request's number.
#[derive(Debug)]
pub(crate) struct Dice(AtomicU64);

const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

impl Dice {
    pub(crate) fn new(seed: u64, request: u64) -> Dice {
        Dice(AtomicU64::new(mix(
            seed ^ mix(request.wrapping_add(1).wrapping_mul(STEP))
        )))
    }

    /// From 0, and below 1.
    pub(crate) fn fraction(&self) -> f64 {
        let state = self.0.fetch_add(STEP, Ordering::Relaxed);
        #[allow(
            clippy::cast_precision_loss,
            reason = "53 bits are what a double holds"
        )]
        let whole = (mix(state) >> 11) as f64;
        whole / (1u64 << 53) as f64
    }
}

/// SplitMix64 (Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators).
fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dice_repeat_by_seed_and_spread() {
        let draw = |seed, request| Dice::new(seed, request).fraction();
        assert_eq!(draw(1, 2).to_bits(), draw(1, 2).to_bits());
        assert_ne!(draw(1, 2).to_bits(), draw(2, 2).to_bits());
        let mean = (0..1000).map(|n| draw(7, n)).sum::<f64>() / 1000.0;
        assert!((0.45..0.55).contains(&mean), "{mean}");
    }
}
