//! Cron schedules: five fields, or a word such as `@hourly`; and when they come next.

use std::time::Duration;

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

/// A schedule that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Schedule {
    /// `@every 5m`.
    Every(Duration),
    /// The bits of minutes, hours, days, months and weekdays.
    Fields(Box<Fields>),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fields {
    minutes: u64,
    hours: u64,
    days: u64,
    months: u64,
    weekdays: u64,
    /// A day counts if both fit where one of them is a star, and else if one does.
    any_day: bool,
    any_weekday: bool,
}

const MONTHS: [&str; 12] = [
    "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
];
const WEEKDAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

impl Schedule {
    /// Reads a schedule that the API server has accepted.
    pub(super) fn read(text: &str) -> Option<Schedule> {
        let text = text.trim();
        let text = match text
            .strip_prefix("TZ=")
            .or_else(|| text.strip_prefix("CRON_TZ="))
        {
            Some(rest) => rest.split_once(' ')?.1.trim(),
            None => text,
        };
        let fields = match text {
            "@yearly" | "@annually" => "0 0 1 1 *",
            "@monthly" => "0 0 1 * *",
            "@weekly" => "0 0 * * 0",
            "@daily" | "@midnight" => "0 0 * * *",
            "@hourly" => "0 * * * *",
            other => match other.strip_prefix("@every ") {
                Some(time) => return every(time.trim()).map(Schedule::Every),
                None => other,
            },
        };
        let parts: Vec<&str> = fields.split_whitespace().collect();
        let [minutes, hours, days, months, weekdays] = parts.as_slice() else {
            return None;
        };
        let is_star = |text: &str| text.split(',').any(|part| part.starts_with(['*', '?']));
        Some(Schedule::Fields(Box::new(Fields {
            minutes: bits(minutes, 0, 59, &[], 0)?,
            hours: bits(hours, 0, 23, &[], 0)?,
            days: bits(days, 1, 31, &[], 0)?,
            months: bits(months, 1, 12, &MONTHS, 1)?,
            weekdays: bits(weekdays, 0, 6, &WEEKDAYS, 0)?,
            any_day: is_star(days),
            any_weekday: is_star(weekdays),
        })))
    }

    /// The next time after a moment; `None`: there is none within five years.
    pub(super) fn next(&self, after: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
        match self {
            Schedule::Every(time) => {
                let whole = Timestamp::from_second(after.as_second()).ok()?;
                whole.checked_add(*time).ok()
            }
            Schedule::Fields(fields) => fields.next(after, zone),
        }
    }
}

impl Fields {
    fn has_day(&self, at: DateTime) -> bool {
        let day = self.days >> at.day() & 1 == 1;
        let weekday = self.weekdays >> at.weekday().to_sunday_zero_offset() & 1 == 1;
        if self.any_day || self.any_weekday {
            day && weekday
        } else {
            day || weekday
        }
    }

    fn next(&self, after: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
        let start = zone.to_datetime(after);
        let mut at = start
            .with()
            .second(0)
            .subsec_nanosecond(0)
            .build()
            .ok()?
            .checked_add(1.minute())
            .ok()?;
        let last = start.year() + 5;
        while at.year() <= last {
            if self.months >> at.month() & 1 == 0 {
                let first = at.with().day(1).hour(0).minute(0).build().ok()?;
                at = first.checked_add(1.month()).ok()?;
            } else if !self.has_day(at) {
                at = at
                    .with()
                    .hour(0)
                    .minute(0)
                    .build()
                    .ok()?
                    .checked_add(1.day())
                    .ok()?;
            } else if self.hours >> at.hour() & 1 == 0 {
                at = at
                    .with()
                    .minute(0)
                    .build()
                    .ok()?
                    .checked_add(1.hour())
                    .ok()?;
            } else if self.minutes >> at.minute() & 1 == 0 {
                at = at.checked_add(1.minute()).ok()?;
            } else {
                // A time that a change of the clocks leaves out is skipped; of one that comes twice the first counts.
                let zoned = zone.to_zoned(at).ok()?;
                if zoned.datetime() == at && zoned.timestamp() > after {
                    return Some(zoned.timestamp());
                }
                at = at.checked_add(1.minute()).ok()?;
            }
        }
        None
    }
}

fn every(text: &str) -> Option<Duration> {
    let nanos = crate::emulator::builtin::times::duration(text).ok()?;
    // Less than a second is a second.
    Some(Duration::from_secs(
        u64::try_from(nanos / 1_000_000_000).ok()?.max(1),
    ))
}

/// The bits of a field: `*/5`, `1-5`, `mon,wed`, `3/2`.
fn bits(text: &str, least: u32, most: u32, names: &[&str], first: u32) -> Option<u64> {
    let number = |text: &str| -> Option<u32> {
        let lower = text.to_ascii_lowercase();
        match names.iter().position(|name| *name == lower) {
            Some(at) => u32::try_from(at).ok().map(|at| at + first),
            None => text.parse().ok(),
        }
    };
    let mut all = 0;
    for part in text.split(',') {
        let (range, step) = match part.split_once('/') {
            Some((range, step)) => (range, Some(step.parse::<u32>().ok()?)),
            None => (part, None),
        };
        let (from, to) = match range {
            "*" | "?" => (least, most),
            range => match range.split_once('-') {
                Some((from, to)) => (number(from)?, number(to)?),
                None => {
                    let one = number(range)?;
                    // `3/2` goes on to the end.
                    (one, if step.is_some() { most } else { one })
                }
            },
        };
        if from < least || to > most || from > to || step == Some(0) {
            return None;
        }
        for value in (from..=to).step_by(step.unwrap_or(1) as usize) {
            all |= 1 << value;
        }
    }
    Some(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn next(schedule: &str, after: &str, zone: &str) -> String {
        let schedule = Schedule::read(schedule).expect("a schedule");
        let zone = if zone.is_empty() {
            TimeZone::UTC
        } else {
            TimeZone::get(zone).expect("a zone")
        };
        let found = schedule.next(after.parse().expect("a time"), &zone);
        found.map(|time| time.to_string()).unwrap_or_default()
    }

    #[test]
    fn when_schedules_come_next() {
        for (schedule, after, expected) in [
            ("* * * * *", "2026-01-01T00:00:30Z", "2026-01-01T00:01:00Z"),
            (
                "*/15 * * * *",
                "2026-01-01T00:45:00Z",
                "2026-01-01T01:00:00Z",
            ),
            ("30 4 * * *", "2026-01-01T04:30:00Z", "2026-01-02T04:30:00Z"),
            ("0 0 1 * *", "2026-01-31T12:00:00Z", "2026-02-01T00:00:00Z"),
            (
                "0 0 * * MON",
                "2026-01-01T00:00:00Z",
                "2026-01-05T00:00:00Z",
            ),
            // One of them will do where both are named.
            (
                "0 0 13 * FRI",
                "2026-01-01T12:00:00Z",
                "2026-01-02T00:00:00Z",
            ),
            ("0 0 29 2 *", "2026-01-01T00:00:00Z", "2028-02-29T00:00:00Z"),
            (
                "0 9-17/4 * jan-mar 1-5",
                "2026-01-02T17:00:00Z",
                "2026-01-05T09:00:00Z",
            ),
            ("@hourly", "2026-01-01T00:00:00Z", "2026-01-01T01:00:00Z"),
            ("@every 90s", "2026-01-01T00:00:10Z", "2026-01-01T00:01:40Z"),
            ("0 0 31 2 *", "2026-01-01T00:00:00Z", ""),
        ] {
            assert_eq!(next(schedule, after, ""), expected, "{schedule} {after}");
        }
        for bad in [
            "",
            "* * * *",
            "60 * * * *",
            "* * 0 * *",
            "a * * * *",
            "*/0 * * * *",
        ] {
            assert_eq!(Schedule::read(bad), None, "{bad}");
        }
    }

    #[test]
    fn schedules_in_their_zones() {
        if TimeZone::get("Europe/Berlin").is_err() {
            eprintln!("skipped: this machine has no time zones");
            return;
        }
        assert_eq!(
            next("0 9 * * *", "2026-01-01T09:00:00Z", "Europe/Berlin"),
            "2026-01-02T08:00:00Z"
        );
        // 2:30 is left out on that day.
        assert_eq!(
            next("30 2 * * *", "2026-03-29T00:00:00Z", "Europe/Berlin"),
            "2026-03-30T00:30:00Z"
        );
    }
}
