//! Pauses and speeds: `1s`, `1.5s`, `250ms`, `1h30m`, `1s..2s`, `64kB/s`.

use std::time::Duration;

use proc_macro2::Span;
use syn::{Ident, Lit, Token, ext::IdentExt, parse::ParseStream};

use crate::{
    ast::Time,
    errors::Errors,
    parse::cursor::{here, kept, skip_all},
};

const UNITS: &str = "`h`, `m`, `s`, `ms`, `us` or `ns`";

/// The whole of `input` as a pause.
pub(crate) fn time(input: ParseStream<'_>, errors: &mut Errors) -> Option<Time> {
    let span = here(input);
    if input.is_empty() {
        errors.help(
            span,
            "expected a duration",
            "write `sleep(1s)`, `sleep(250ms)` or `sleep(expr)`",
        );
        return None;
    }
    if input.peek(Token![-]) && input.peek2(Lit) {
        errors.push(span, "a duration cannot be negative");
        skip_all(input);
        return None;
    }
    if input.peek(Token![.]) && input.peek2(Lit) {
        let rest = skip_all(input).to_string().replace(' ', "");
        errors.help(
            span,
            "expected a digit before the point",
            format_args!("write `0{rest}`"),
        );
        return None;
    }
    if !input.peek(Lit) {
        return kept(input, errors, "a duration").map(Time::Expr);
    }
    let low = literal(input, errors)?;
    let closed = input.peek(Token![..=]);
    if closed || input.peek(Token![..]) {
        if closed {
            input.parse::<Token![..=]>().ok();
        } else {
            input.parse::<Token![..]>().ok();
        }
        let high = literal(input, errors)?;
        if high < low {
            errors.push(span, "the range is empty: its end comes before its start");
            return None;
        }
        return Some(Time::Between(span, low, high));
    }
    Some(Time::Known(span, low))
}

/// One literal such as `1.5s`, with what users get wrong about it.
pub(crate) fn literal(input: ParseStream<'_>, errors: &mut Errors) -> Option<Duration> {
    let Ok(lit) = input.parse::<Lit>() else {
        errors.push(here(input), "expected a duration such as `1s` or `250ms`");
        return None;
    };
    let span = lit.span();
    // `1 s` and `1. s` are two tokens or three.
    if input.peek(Ident::peek_any) && suffix_of(&lit).is_some_and(|(_, suffix)| suffix.is_empty()) {
        let unit = input.call(Ident::parse_any).ok()?;
        let digits = suffix_of(&lit)
            .map(|(digits, _)| digits)
            .unwrap_or_default();
        errors.help(
            unit.span(),
            "a duration is one word",
            format_args!("write `{}{unit}`", digits.trim_end_matches('.')),
        );
        return None;
    }
    match of(&lit) {
        Ok(duration) => Some(duration),
        Err((message, help)) => {
            errors.help(span, message, help);
            None
        }
    }
}

fn suffix_of(lit: &Lit) -> Option<(String, String)> {
    match lit {
        Lit::Int(lit) => Some((lit.base10_digits().to_owned(), lit.suffix().to_owned())),
        Lit::Float(lit) => Some((lit.base10_digits().to_owned(), lit.suffix().to_owned())),
        _ => None,
    }
}

/// Whether a literal is written as a duration is: a number with one of the units.
pub(crate) fn is_duration(lit: &Lit) -> bool {
    suffix_of(lit).is_some_and(|(_, suffix)| !suffix.is_empty()) && of(lit).is_ok()
}

/// What a literal says, or what is wrong with it and how to write it.
fn of(lit: &Lit) -> Result<Duration, (String, String)> {
    let Some((digits, suffix)) = suffix_of(lit) else {
        return Err((
            "expected a duration".to_owned(),
            "write a number and a unit in one word, as in `1s`, `1.5s` or `250ms`".to_owned(),
        ));
    };
    if suffix.is_empty() {
        return Err((
            "missing unit".to_owned(),
            format!("write `{digits}s` or `{digits}ms`; the units are {UNITS}"),
        ));
    }
    let unknown = |unit: &str| {
        let meant = match unit.to_lowercase().as_str() {
            "sec" | "secs" | "second" | "seconds" | "S" => "s",
            "min" | "mins" | "minute" | "minutes" => "m",
            "hr" | "hrs" | "hour" | "hours" => "h",
            "msec" | "msecs" | "millis" | "milli" => "ms",
            "usec" | "micros" | "µs" | "μs" => "us",
            "nsec" | "nanos" => "ns",
            "d" | "day" | "days" => "h",
            _ => {
                return (
                    format!("unknown time unit `{unit}`"),
                    format!("the units are {UNITS}"),
                );
            }
        };
        let help = if unit.starts_with('d') {
            "a day has `24h`".to_owned()
        } else {
            format!("write `{digits}{meant}`; the units are {UNITS}")
        };
        (format!("unknown time unit `{unit}`"), help)
    };
    // `1h30m` is the digits `1` and the suffix `h30m`.
    let mut total = Duration::ZERO;
    let mut number = digits.clone();
    let mut rest = suffix.trim_start_matches('_');
    loop {
        let end = rest
            .find(|c: char| c.is_ascii_digit())
            .unwrap_or(rest.len());
        let (unit, next) = rest.split_at(end);
        let nanos =
            nanos_per(unit.trim_matches('_')).ok_or_else(|| unknown(unit.trim_matches('_')))?;
        let part = scaled(&number, nanos).ok_or_else(|| {
            (
                "the duration is out of range".to_owned(),
                "the longest is some 584 years, the shortest `1ns`".to_owned(),
            )
        })?;
        total = total.saturating_add(part);
        if next.is_empty() {
            return Ok(total);
        }
        let end = next
            .find(|c: char| !c.is_ascii_digit() && c != '.')
            .unwrap_or(next.len());
        let (digits, after) = next.split_at(end);
        if after.is_empty() {
            return Err((
                format!("missing unit after `{digits}`"),
                format!("write `{number}{unit}{digits}m` or `{number}{unit}{digits}s`"),
            ));
        }
        number = digits.to_owned();
        rest = after;
    }
}

fn nanos_per(unit: &str) -> Option<u64> {
    Some(match unit {
        "h" => 3_600_000_000_000,
        "m" | "min" => 60_000_000_000,
        "s" => 1_000_000_000,
        "ms" => 1_000_000,
        "us" | "µs" | "μs" => 1_000,
        "ns" => 1,
        _ => return None,
    })
}

fn scaled(number: &str, nanos: u64) -> Option<Duration> {
    if let Ok(whole) = number.parse::<u64>() {
        return whole.checked_mul(nanos).map(Duration::from_nanos);
    }
    let exact = number.parse::<f64>().ok()? * Duration::from_nanos(nanos).as_secs_f64();
    Duration::try_from_secs_f64(exact).ok()
}

/// A speed after `slow`: bytes per second.
pub(crate) fn speed(input: ParseStream<'_>, errors: &mut Errors) -> Option<u64> {
    let span = here(input);
    let form = "write a speed such as `slow 64kB/s`; the units are `B`, `kB`, `KiB`, `MB`, `MiB`";
    let Ok(lit) = input.parse::<Lit>() else {
        errors.help(span, "expected a speed", form);
        return None;
    };
    let Some((digits, unit)) = suffix_of(&lit) else {
        errors.help(span, "expected a speed", form);
        return None;
    };
    let factor: u64 = match unit.as_str() {
        "B" => 1,
        "kB" | "KB" => 1_000,
        "KiB" => 1_024,
        "MB" => 1_000_000,
        "MiB" => 1 << 20,
        "GB" => 1_000_000_000,
        "GiB" => 1 << 30,
        "" => {
            errors.help(span, "missing unit", form);
            return rest_of_speed(input, errors, span, None);
        }
        _ => {
            errors.help(span, format_args!("unknown unit `{unit}` of a speed"), form);
            return rest_of_speed(input, errors, span, None);
        }
    };
    #[allow(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a speed needs no 53 bits; it is checked to be at least one byte"
    )]
    let bytes = (digits.parse::<f64>().unwrap_or(0.0) * factor as f64) as u64;
    if bytes == 0 {
        errors.help(
            span,
            "the speed must be at least one byte per second",
            "`stall` sends nothing at all",
        );
        return rest_of_speed(input, errors, span, None);
    }
    rest_of_speed(input, errors, span, Some(bytes))
}

/// The `/s`.
fn rest_of_speed(
    input: ParseStream<'_>,
    errors: &mut Errors,
    span: Span,
    bytes: Option<u64>,
) -> Option<u64> {
    if input.parse::<Token![/]>().is_ok() {
        let at = here(input);
        match input.call(Ident::parse_any) {
            Ok(per) if per == "s" => return bytes,
            Ok(per) => errors.push(per.span(), "a speed is so much per second: write `/s`"),
            Err(_) => errors.push(at, "a speed is so much per second: write `/s`"),
        }
        return None;
    }
    if bytes.is_some() {
        errors.help(span, "a speed is so much per second", "write `slow 64kB/s`");
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nanos(text: &str) -> Result<u128, String> {
        let lit: Lit = syn::parse_str(text).expect("a literal");
        of(&lit)
            .map(|found| found.as_nanos())
            .map_err(|(message, help)| format!("{message}: {help}"))
    }

    #[test]
    fn durations_are_numbers_with_units() {
        for (text, want) in [
            ("1s", 1_000_000_000),
            ("1.5s", 1_500_000_000),
            ("250ms", 250_000_000),
            ("1_000ms", 1_000_000_000),
            ("5m", 300_000_000_000),
            ("1h30m", 5_400_000_000_000),
            ("1m30s", 90_000_000_000),
            ("1e3ms", 1_000_000_000),
            ("2us", 2_000),
            ("7ns", 7),
        ] {
            assert_eq!(nanos(text), Ok(want), "{text}");
        }
    }

    #[test]
    fn slips_are_explained() {
        for (text, want) in [
            ("1", "missing unit: write `1s` or `1ms`"),
            ("1sec", "unknown time unit `sec`: write `1s`"),
            ("1d", "a day has `24h`"),
            ("1parsec", "unknown time unit `parsec`"),
            ("1h30", "missing unit after `30`"),
            ("\"1s\"", "expected a duration"),
        ] {
            let got = nanos(text).expect_err(text);
            assert!(got.contains(want), "{text}: {got}");
        }
    }
}
