//! Times and durations as the Go types of a built-in kind read and print them.

use jiff::Timestamp;
use jiff::civil::Date;

use crate::model::meta::rfc3339;

/// `2006-01-02T15:04:05Z07:00`.
const RFC3339: &str = "2006-01-02T15:04:05Z07:00";
/// The same with exactly six fractional digits.
const RFC3339_MICRO: &str = "2006-01-02T15:04:05.000000Z07:00";

/// Reads a `metav1.Time`; the result is printed in UTC, in whole seconds. The error is Go's text.
pub fn time(text: &str) -> Result<String, String> {
    if is_printed(text) {
        return Ok(text.to_owned());
    }
    let moment = parse(text, false).map_err(|why| explain(text, RFC3339, &why))?;
    Ok(seconds(moment))
}

/// Whether a text is a time as it is printed; also of the last two days of the year 9999, which no moment is of.
pub fn is_printed(text: &str) -> bool {
    let bytes = text.as_bytes();
    let is_formed = bytes.len() == 20
        && bytes
            .iter()
            .zip(b"0000-00-00T00:00:00Z")
            .all(|(byte, form)| match form {
                b'0' => byte.is_ascii_digit(),
                form => byte == form,
            });
    let pair = |at: usize| {
        let digit = |at: usize| bytes.get(at).map_or(0, |byte| byte.wrapping_sub(b'0'));
        (digit(at).wrapping_mul(10).wrapping_add(digit(at + 1))).cast_signed()
    };
    let is_day = || {
        let (year, month, day) = (pair(0), pair(5), pair(8));
        let year = i16::from(year) * 100 + i16::from(pair(2));
        year > 0 && Date::new(year, month, day).is_ok()
    };
    is_formed && pair(11) < 24 && pair(14) < 60 && pair(17) < 60 && is_day()
}

/// Reads a `metav1.MicroTime`: exactly six fractional digits.
pub fn micro_time(text: &str) -> Result<String, String> {
    let moment = parse(text, true).map_err(|why| explain(text, RFC3339_MICRO, &why))?;
    Ok(micros(moment))
}

/// A moment as `metav1.Time` prints it.
pub fn seconds(moment: Timestamp) -> String {
    rfc3339(moment)
}

/// A moment as `metav1.MicroTime` prints it.
pub fn micros(moment: Timestamp) -> String {
    let micro = moment.subsec_nanosecond().div_euclid(1000);
    format!("{}.{micro:06}Z", moment.strftime("%Y-%m-%dT%H:%M:%S"))
}

/// The moment of a printed time.
pub fn moment(text: &str) -> Option<Timestamp> {
    text.parse().ok()
}

enum Fault {
    /// `cannot parse <rest> as <layout element>`.
    Element(String, &'static str),
    /// `<what> out of range`.
    Range(&'static str),
    /// `extra text: <rest>`.
    Extra(String),
}

fn explain(text: &str, layout: &str, fault: &Fault) -> String {
    let quote = |t: &str| format!("\"{}\"", t.replace('\\', "\\\\").replace('"', "\\\""));
    match fault {
        Fault::Element(rest, element) => {
            format!(
                "parsing time {} as {}: cannot parse {} as {}",
                quote(text),
                quote(layout),
                quote(rest),
                quote(element)
            )
        }
        Fault::Range(what) => format!("parsing time {}: {what} out of range", quote(text)),
        Fault::Extra(rest) => format!("parsing time {}: extra text: {}", quote(text), quote(rest)),
    }
}

/// Go's reading of a layout: element after element, the first one that does not fit is named.
fn parse(text: &str, micro: bool) -> Result<Timestamp, Fault> {
    let mut rest = text;
    let year = digits(&mut rest, 4, "2006")?;
    literal(&mut rest, "-")?;
    let month = digits(&mut rest, 2, "01")?;
    if !(1..=12).contains(&month) {
        return Err(Fault::Range("month"));
    }
    literal(&mut rest, "-")?;
    let day = digits(&mut rest, 2, "02")?;
    literal(&mut rest, "T")?;
    let hour = digits(&mut rest, 2, "15")?;
    if hour > 23 {
        return Err(Fault::Range("hour"));
    }
    literal(&mut rest, ":")?;
    let minute = digits(&mut rest, 2, "04")?;
    if minute > 59 {
        return Err(Fault::Range("minute"));
    }
    literal(&mut rest, ":")?;
    let second = digits(&mut rest, 2, "05")?;
    if second > 59 {
        return Err(Fault::Range("second"));
    }
    let mut nanos: i32 = 0;
    if micro {
        let six = rest
            .get(1..7)
            .filter(|d| rest.starts_with('.') && d.bytes().all(|b| b.is_ascii_digit()));
        let Some(six) = six else {
            return Err(Fault::Element(rest.to_owned(), ".000000"));
        };
        nanos = six.parse::<i32>().unwrap_or_default() * 1000;
        rest = rest.get(7..).unwrap_or_default();
    } else if let Some(fraction) = rest.strip_prefix(['.', ',']) {
        // A fraction is taken even where the layout has none.
        let end = fraction
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(fraction.len());
        if end > 0 {
            let digits: String = fraction
                .get(..end)
                .unwrap_or_default()
                .chars()
                .chain("000000000".chars())
                .take(9)
                .collect();
            nanos = digits.parse().unwrap_or_default();
            rest = fraction.get(end..).unwrap_or_default();
        }
    }
    let offset = zone(&mut rest)?;
    if !rest.is_empty() {
        return Err(Fault::Extra(rest.to_owned()));
    }
    let [year, month, day, hour, minute, second] = [year, month, day, hour, minute, second];
    let narrow = |n: i64| i8::try_from(n).unwrap_or_default();
    let civil = jiff::civil::DateTime::new(
        i16::try_from(year).unwrap_or_default(),
        narrow(month),
        narrow(day),
        narrow(hour),
        narrow(minute),
        narrow(second),
        nanos,
    )
    .map_err(|_| Fault::Range("day"))?;
    let utc = civil
        .to_zoned(jiff::tz::TimeZone::UTC)
        .map_err(|_| Fault::Range("year"))?
        .timestamp();
    utc.checked_sub(jiff::SignedDuration::from_secs(offset))
        .map_err(|_| Fault::Range("year"))
}

fn digits(rest: &mut &str, count: usize, element: &'static str) -> Result<i64, Fault> {
    let found = rest
        .get(..count)
        .filter(|d| d.bytes().all(|b| b.is_ascii_digit()));
    let Some(found) = found else {
        return Err(Fault::Element((*rest).to_owned(), element));
    };
    let value = found.parse().unwrap_or_default();
    *rest = rest.get(count..).unwrap_or_default();
    Ok(value)
}

fn literal(rest: &mut &str, text: &'static str) -> Result<(), Fault> {
    *rest = rest
        .strip_prefix(text)
        .ok_or_else(|| Fault::Element((*rest).to_owned(), text))?;
    Ok(())
}

/// The zone's offset in seconds: `Z` or `±hh:mm`.
fn zone(rest: &mut &str) -> Result<i64, Fault> {
    if let Some(after) = rest.strip_prefix('Z') {
        *rest = after;
        return Ok(0);
    }
    let fault = || Fault::Element((*rest).to_owned(), "Z07:00");
    let sign = match rest.bytes().next() {
        Some(b'+') => 1,
        Some(b'-') => -1,
        _ => return Err(fault()),
    };
    let text = rest
        .get(1..6)
        .filter(|t| t.as_bytes().get(2) == Some(&b':'))
        .ok_or_else(fault)?;
    let (hours, minutes) = text.split_once(':').ok_or_else(fault)?;
    let (Ok(hours), Ok(minutes)) = (hours.parse::<i64>(), minutes.parse::<i64>()) else {
        return Err(fault());
    };
    *rest = rest.get(6..).unwrap_or_default();
    if hours > 24 || minutes > 60 {
        return Err(Fault::Range(if hours > 24 {
            "time zone offset hour"
        } else {
            "time zone offset minute"
        }));
    }
    Ok(sign * (hours * 3600 + minutes * 60))
}

/// Reads a Go duration (`1h15m30.918s`), in nanoseconds; the error is Go's text.
pub fn duration(text: &str) -> Result<i64, String> {
    let invalid = || format!("time: invalid duration {text:?}");
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    if unsigned == "0" {
        return Ok(0);
    }
    if unsigned.is_empty() {
        return Err(invalid());
    }
    // One more than an i64 holds is still fine, for the least of all.
    const MOST: u64 = 1 << 63;
    let (mut rest, mut total) = (unsigned, 0u64);
    while !rest.is_empty() {
        let whole = leading_digits(&mut rest);
        let fraction = rest.strip_prefix('.').map(|after| {
            rest = after;
            leading_digits(&mut rest)
        });
        if whole.is_empty() && fraction.is_none_or(str::is_empty) {
            return Err(invalid());
        }
        let unit_end = rest
            .find(|c: char| c.is_ascii_digit() || c == '.')
            .unwrap_or(rest.len());
        let (name, after) = rest.split_at(unit_end);
        rest = after;
        let unit: u64 = match name {
            "" => return Err(format!("time: missing unit in duration {text:?}")),
            "ns" => 1,
            "us" | "µs" | "μs" => 1_000,
            "ms" => 1_000_000,
            "s" => 1_000_000_000,
            "m" => 60_000_000_000,
            "h" => 3_600_000_000_000,
            other => return Err(format!("time: unknown unit {other:?} in duration {text:?}")),
        };
        let whole: u64 = if whole.is_empty() {
            0
        } else {
            whole.parse().map_err(|_| invalid())?
        };
        let part = whole
            .checked_mul(unit)
            .and_then(|nanos| nanos.checked_add(nanos_of(fraction.unwrap_or_default(), unit)))
            .and_then(|nanos| total.checked_add(nanos))
            .filter(|total| *total <= MOST);
        total = part.ok_or_else(invalid)?;
    }
    if text.starts_with('-') {
        Ok(0i64.wrapping_sub_unsigned(total))
    } else {
        i64::try_from(total).map_err(|_| invalid())
    }
}

/// Takes the digits at the beginning away.
fn leading_digits<'a>(rest: &mut &'a str) -> &'a str {
    let end = rest
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(rest.len());
    let (digits, after) = rest.split_at(end);
    *rest = after;
    digits
}

/// The nanoseconds of a decimal fraction of a unit. Digits beyond what 63 bits hold do not count.
fn nanos_of(fraction: &str, unit: u64) -> u64 {
    let (mut number, mut scale) = (0u64, 1.0f64);
    for digit in fraction
        .bytes()
        .map(|byte| u64::from(byte.wrapping_sub(b'0')))
    {
        let next = number.checked_mul(10).and_then(|n| n.checked_add(digit));
        let Some(next) = next.filter(|n| *n <= i64::MAX.unsigned_abs()) else {
            break;
        };
        number = next;
        scale *= 10.0;
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "less than one unit, and as Go computes it"
    )]
    let nanos = (number as f64 * (unit as f64 / scale)) as u64;
    nanos
}

/// Prints nanoseconds as Go prints a duration: `1h15m30.5s`.
pub fn print_duration(nanos: i64) -> String {
    if nanos == 0 {
        return "0s".into();
    }
    let sign = if nanos < 0 { "-" } else { "" };
    let n = nanos.unsigned_abs();
    let trim = |whole: u64, fraction: u64, width: usize| {
        if fraction == 0 {
            return whole.to_string();
        }
        let text = format!("{fraction:0width$}");
        format!("{whole}.{}", text.trim_end_matches('0'))
    };
    match n {
        0..1_000 => format!("{sign}{n}ns"),
        1_000..1_000_000 => format!("{sign}{}µs", trim(n / 1_000, n % 1_000, 3)),
        1_000_000..1_000_000_000 => format!("{sign}{}ms", trim(n / 1_000_000, n % 1_000_000, 6)),
        _ => {
            let (whole, fraction) = (n / 1_000_000_000, n % 1_000_000_000);
            let (hours, minutes) = (whole / 3600, whole / 60 % 60);
            let seconds = trim(whole % 60, fraction, 9);
            match (hours, minutes) {
                (0, 0) => format!("{sign}{seconds}s"),
                (0, m) => format!("{sign}{m}m{seconds}s"),
                (h, m) => format!("{sign}{h}h{m}m{seconds}s"),
            }
        }
    }
}

/// How long something lasts, shortened as `kubectl get` shows ages: `5s`, `3m20s`, `2d4h`, `1y30d`.
pub fn human_duration(seconds: i64) -> String {
    if seconds < -1 {
        return "<invalid>".into();
    }
    if seconds < 0 {
        return "0s".into();
    }
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    let years = days / 365;
    let pair = |big: i64, big_unit: &str, small: i64, small_unit: &str| {
        if small == 0 {
            format!("{big}{big_unit}")
        } else {
            format!("{big}{big_unit}{small}{small_unit}")
        }
    };
    match seconds {
        _ if seconds < 120 => format!("{seconds}s"),
        _ if minutes < 10 => pair(minutes, "m", seconds % 60, "s"),
        _ if minutes < 180 => format!("{minutes}m"),
        _ if hours < 8 => pair(hours, "h", minutes % 60, "m"),
        _ if hours < 48 => format!("{hours}h"),
        _ if hours < 24 * 8 => pair(days, "d", hours % 24, "h"),
        _ if hours < 24 * 365 * 2 => format!("{days}d"),
        _ if hours < 24 * 365 * 8 => pair(years, "y", days % 365, "d"),
        _ => format!("{years}y"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_looks_printed_is_printed() {
        for text in [
            "0001-01-01T00:00:00Z",
            "2026-11-30T23:59:59Z",
            "2024-02-28T00:00:00Z",
            "2024-02-29T00:00:00Z",
            "9999-12-31T23:59:59Z",
        ] {
            assert!(is_printed(text), "{text}");
            assert_eq!(time(text).as_deref(), Ok(text));
        }
        for doubtful in [
            "2026-11-30T23:59:60Z",
            "2026-02-29T00:00:00Z",
            "2026-00-01T00:00:00Z",
            "2026-13-01T00:00:00Z",
            "2026-01-01T24:00:00Z",
            "2026-01-01T00:60:00Z",
            "2026-01-01t00:00:00Z",
            "2026-01-01T00:00:00+01:00",
            "2026-01-01T00:00:00.5Z",
            "0000-01-01T00:00:00Z",
            "２026-01-01T00:00:0Z",
            "",
        ] {
            assert!(!is_printed(doubtful), "{doubtful}");
        }
    }

    #[test]
    fn times_are_printed_in_utc() {
        assert_eq!(
            time("2024-01-01T02:00:00.9+02:00"),
            Ok("2024-01-01T00:00:00Z".into())
        );
        assert_eq!(
            micro_time("2024-01-01T00:00:02.500000Z"),
            Ok("2024-01-01T00:00:02.500000Z".into())
        );
        assert_eq!(
            micro_time("2024-01-01T00:00:30Z"),
            Err("parsing time \"2024-01-01T00:00:30Z\" as \"2006-01-02T15:04:05.000000Z07:00\": cannot parse \"Z\" as \".000000\"".into())
        );
        assert_eq!(
            time("tomorrow"),
            Err("parsing time \"tomorrow\" as \"2006-01-02T15:04:05Z07:00\": cannot parse \"tomorrow\" as \"2006\"".into())
        );
        assert_eq!(
            time("2024-13-01T00:00:00Z"),
            Err("parsing time \"2024-13-01T00:00:00Z\": month out of range".into())
        );
        assert_eq!(
            time("2024-02-31T00:00:00Z"),
            Err("parsing time \"2024-02-31T00:00:00Z\": day out of range".into())
        );
    }

    #[test]
    fn durations() {
        assert_eq!(
            duration("1h15m30.5s").map(print_duration),
            Ok("1h15m30.5s".into())
        );
        assert_eq!(duration("90s").map(print_duration), Ok("1m30s".into()));
        assert_eq!(duration("1500ms").map(print_duration), Ok("1.5s".into()));
        for (given, nanos) in [
            ("1.001s", 1_001_000_000),
            ("-1.001µs", -1_001),
            (".5h", 1_800_000_000_000),
            ("1.s", 1_000_000_000),
            ("0.000000001s", 1),
            ("2562047h47m16.854775807s", i64::MAX),
            ("-2562047h47m16.854775808s", i64::MIN),
            ("+3ms4us", 3_004_000),
        ] {
            assert_eq!(duration(given), Ok(nanos), "{given}");
        }
        for given in [
            "2562047h47m16.854775808s",
            "9223372036854775809ns",
            ".s",
            "-",
            "99999999999999999999s",
        ] {
            assert_eq!(
                duration(given),
                Err(format!("time: invalid duration {given:?}"))
            );
        }
        assert_eq!(
            duration("1h-2m"),
            Err("time: unknown unit \"h-\" in duration \"1h-2m\"".into())
        );
        assert_eq!(
            duration("5"),
            Err("time: missing unit in duration \"5\"".into())
        );
        assert_eq!(duration("x"), Err("time: invalid duration \"x\"".into()));
    }

    #[test]
    fn ages() {
        for (seconds, shown) in [
            (0, "0s"),
            (119, "119s"),
            (120, "2m"),
            (125, "2m5s"),
            (600, "10m"),
            (10_800, "3h"),
            (10_860, "3h1m"),
            (30_000, "8h"),
            (172_800, "2d"),
            (180_000, "2d2h"),
            (800_000, "9d"),
            (70_000_000, "2y80d"),
            (-5, "<invalid>"),
        ] {
            assert_eq!(human_duration(seconds), shown, "{seconds}");
        }
    }
}
