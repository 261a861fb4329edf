//! What a node can run out of, how its conditions say so, and how much of it has to be left.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use crate::amounts;
use crate::emulator::builtin::quantity::Quantity;

/// What a node can run out of, in the order in which it is looked after.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Pressure {
    Memory,
    Disk,
    Processes,
}

pub(crate) const PRESSURES: [Pressure; 3] = [Pressure::Memory, Pressure::Disk, Pressure::Processes];

impl Pressure {
    /// Its condition; the reason and the message where it holds, and where it does not.
    pub(crate) fn condition(self) -> (&'static str, [(&'static str, &'static str); 2]) {
        match self {
            Pressure::Memory => (
                "MemoryPressure",
                [
                    (
                        "KubeletHasInsufficientMemory",
                        "kubelet has insufficient memory available",
                    ),
                    (
                        "KubeletHasSufficientMemory",
                        "kubelet has sufficient memory available",
                    ),
                ],
            ),
            Pressure::Disk => (
                "DiskPressure",
                [
                    ("KubeletHasDiskPressure", "kubelet has disk pressure"),
                    ("KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
                ],
            ),
            Pressure::Processes => (
                "PIDPressure",
                [
                    (
                        "KubeletHasInsufficientPID",
                        "kubelet has insufficient PID available",
                    ),
                    (
                        "KubeletHasSufficientPID",
                        "kubelet has sufficient PID available",
                    ),
                ],
            ),
        }
    }

    /// What of it is measured, as kubelets call it.
    pub(crate) fn signal(self) -> &'static str {
        match self {
            Pressure::Memory => "memory.available",
            Pressure::Disk => "nodefs.available",
            Pressure::Processes => "pid.available",
        }
    }

    /// The resource that is to be had back.
    pub(crate) fn resource(self) -> &'static str {
        match self {
            Pressure::Memory => "memory",
            Pressure::Disk => "ephemeral-storage",
            Pressure::Processes => "pids",
        }
    }
}

/// How much has to be left of something.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Least {
    Amount(i64),
    /// Of all that there is, in hundredths of a percent.
    Share(i64),
}

impl fmt::Display for Least {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Least::Amount(amount) => f.write_str(&amounts::bytes(*amount)),
            Least::Share(share) if share % 100 == 0 => write!(f, "{}%", share / 100),
            Least::Share(share) => write!(f, "{}.{:02}%", share / 100, share % 100),
        }
    }
}

impl Least {
    /// The amount, where there is so much.
    pub(crate) fn of(self, capacity: i64) -> i64 {
        match self {
            Least::Amount(amount) => amount,
            Least::Share(share) => {
                let least = i128::from(capacity) * i128::from(share) / 10_000;
                i64::try_from(least).unwrap_or(i64::MAX)
            }
        }
    }
}

/// The thresholds of a node: below them it evicts Pods, at once or after a while.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Thresholds {
    pub(crate) hard: BTreeMap<Pressure, Least>,
    pub(crate) soft: BTreeMap<Pressure, (Least, Duration)>,
}

impl Default for Thresholds {
    fn default() -> Self {
        Self {
            hard: BTreeMap::from([
                (Pressure::Memory, Least::Amount(100 << 20)),
                (Pressure::Disk, Least::Share(1000)),
            ]),
            soft: BTreeMap::new(),
        }
    }
}

/// Reads a threshold as flags of kubelets have it: `memory.available<500Mi`, `nodefs.available<10%`.
///
/// # Errors
/// What is wrong with it.
pub(crate) fn threshold(text: &str) -> Result<(Pressure, Least), String> {
    let known = PRESSURES.map(Pressure::signal).join(", ");
    let shape = "thresholds look like `memory.available<500Mi` or `nodefs.available<10%`";
    let (signal, value) = text.split_once('<').ok_or(shape)?;
    let pressure = PRESSURES.into_iter().find(|one| one.signal() == signal);
    let pressure = pressure
        .ok_or_else(|| format!("unsupported eviction signal {signal}; there are {known}"))?;
    let least = match value.strip_suffix('%') {
        Some(percent) => {
            let percent: f64 = percent.parse().map_err(|_| shape)?;
            if !(percent > 0.0 && percent < 100.0) {
                return Err(format!(
                    "eviction percentage threshold {signal} must be above 0% and below 100%"
                ));
            }
            #[expect(
                clippy::cast_possible_truncation,
                reason = "it is between 0 and 10,000"
            )]
            Least::Share((percent * 100.0).round() as i64)
        }
        None => {
            Quantity::parse(value).map_err(|_| shape)?;
            let amount = amounts::milli(value) / 1000;
            if amount <= 0 {
                return Err(format!("eviction threshold {signal} must be positive"));
            }
            Least::Amount(amount)
        }
    };
    Ok((pressure, least))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rows of `TestParseThresholdConfig` and `TestParseThresholdStatement…`.
    #[test]
    fn thresholds_as_flags_have_them() {
        for (text, expected) in [
            (
                "memory.available<150Mi",
                Ok((Pressure::Memory, Least::Amount(150 << 20))),
            ),
            (
                "nodefs.available<10%",
                Ok((Pressure::Disk, Least::Share(1000))),
            ),
            (
                "pid.available<12.5%",
                Ok((Pressure::Processes, Least::Share(1250))),
            ),
        ] {
            assert_eq!(threshold(text), expected, "{text}");
            let told =
                threshold(text).map(|(pressure, least)| format!("{}<{least}", pressure.signal()));
            assert_eq!(told.unwrap_or_default().replace(".50%", ".5%"), text);
        }
        for (text, why) in [
            (
                "mem.available<150Mi",
                "unsupported eviction signal mem.available",
            ),
            ("memory.available=150Mi", "thresholds look like"),
            (
                "memory.available<-150Mi",
                "eviction threshold memory.available must be positive",
            ),
            (
                "nodefs.available<120%",
                "eviction percentage threshold nodefs.available must be",
            ),
            ("nodefs.available<a lot", "thresholds look like"),
        ] {
            let error = threshold(text).expect_err(text);
            assert!(error.starts_with(why), "{error}");
        }
        assert_eq!(Least::Share(1000).of(100 << 30), 10 << 30);
    }
}
