//! Resource quantities (`k8s.io/apimachinery/pkg/api/resource`): reading, comparing, the canonical form.

use std::cmp::Ordering;
use std::fmt;

use serde_json::Value;

/// How a quantity prefers to be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QuantityFormat {
    /// `12e6`.
    DecimalExponent,
    /// `12M`.
    DecimalSi,
    /// `12Mi`.
    BinarySi,
}

/// An amount: `mantissa × 10^exponent`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quantity {
    mantissa: i128,
    exponent: i32,
    format: QuantityFormat,
}

/// Text of another shape.
pub const WRONG_FORMAT: &str =
    "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";
const WRONG_SUFFIX: &str = "unable to parse quantity's suffix";
const WRONG_NUMBER: &str = "unable to parse numeric part of quantity";

impl Quantity {
    /// The quantity of a field; `None`: there is none that can be read.
    pub fn of(field: &Value) -> Option<Self> {
        Self::parse(field.as_str()?).ok()
    }

    /// Reads a quantity; the error is the server's text.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        if text.is_empty() {
            return Err(WRONG_FORMAT);
        }
        let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
        let digits_end = unsigned
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(unsigned.len());
        let (whole, rest) = unsigned.split_at(digits_end);
        let (fraction, suffix) = match rest.strip_prefix('.') {
            Some(rest) => rest.split_at(
                rest.find(|c: char| !c.is_ascii_digit())
                    .unwrap_or(rest.len()),
            ),
            None => ("", rest),
        };
        let letters = suffix
            .find(|c: char| !"eEinumkKMGTP".contains(c))
            .unwrap_or(suffix.len());
        let tail = suffix.get(letters..).unwrap_or_default();
        let tail = tail.strip_prefix(['+', '-']).unwrap_or(tail);
        if !tail.chars().all(|c| c.is_ascii_digit()) {
            return Err(WRONG_FORMAT);
        }
        let (base, power, format) = Self::suffix(suffix).ok_or(WRONG_SUFFIX)?;
        let whole = whole.trim_start_matches('0');
        let digits = format!("{whole}{fraction}");
        let mut mantissa: i128 = match digits.trim_start_matches('0') {
            "" => 0,
            // More digits than any amount needs: the excess of the fraction cannot matter, the rest caps.
            digits => digits.parse().map_err(|_| WRONG_NUMBER)?,
        };
        let mut exponent = -i32::try_from(fraction.len()).unwrap_or(i32::MAX);
        if base == 2 {
            mantissa = mantissa.checked_mul(1i128 << power).ok_or(WRONG_NUMBER)?;
        } else {
            exponent = exponent.saturating_add(power);
        }
        if text.starts_with('-') {
            mantissa = -mantissa;
        }
        let mut out = Self {
            mantissa,
            exponent,
            format,
        };
        out.round_to_nano();
        out.cap();
        Ok(out)
    }

    fn suffix(text: &str) -> Option<(u8, i32, QuantityFormat)> {
        Some(match text {
            "n" => (10, -9, QuantityFormat::DecimalSi),
            "u" => (10, -6, QuantityFormat::DecimalSi),
            "m" => (10, -3, QuantityFormat::DecimalSi),
            "" => (10, 0, QuantityFormat::DecimalSi),
            "k" => (10, 3, QuantityFormat::DecimalSi),
            "M" => (10, 6, QuantityFormat::DecimalSi),
            "G" => (10, 9, QuantityFormat::DecimalSi),
            "T" => (10, 12, QuantityFormat::DecimalSi),
            "P" => (10, 15, QuantityFormat::DecimalSi),
            "E" => (10, 18, QuantityFormat::DecimalSi),
            "Ki" => (2, 10, QuantityFormat::BinarySi),
            "Mi" => (2, 20, QuantityFormat::BinarySi),
            "Gi" => (2, 30, QuantityFormat::BinarySi),
            "Ti" => (2, 40, QuantityFormat::BinarySi),
            "Pi" => (2, 50, QuantityFormat::BinarySi),
            "Ei" => (2, 60, QuantityFormat::BinarySi),
            other => {
                let power: i64 = other.strip_prefix(['e', 'E'])?.parse().ok()?;
                (
                    10,
                    i32::try_from(power).ok()?,
                    QuantityFormat::DecimalExponent,
                )
            }
        })
    }

    /// Anything smaller than a nano unit is rounded up, away from zero.
    fn round_to_nano(&mut self) {
        while self.exponent < -9 {
            let rest = self.mantissa % 10;
            self.mantissa /= 10;
            if rest != 0 {
                self.mantissa += rest.signum();
            }
            self.exponent += 1;
            if self.mantissa == 0 {
                self.exponent = 0;
            } else if self.exponent < -9 && self.mantissa.abs() == 1 && rest != 0 {
                self.exponent = -9;
            }
        }
        if self.mantissa == 0 {
            self.exponent = 0;
        }
    }

    /// Binary amounts end at 2^63-1.
    fn cap(&mut self) {
        if self.format == QuantityFormat::BinarySi {
            let most = Self {
                mantissa: i128::from(i64::MAX),
                exponent: 0,
                format: self.format,
            };
            if self.cmp(&most) == Ordering::Greater {
                *self = most;
            }
        }
    }

    /// Whether it is zero.
    pub fn is_zero(&self) -> bool {
        self.mantissa == 0
    }

    /// -1, 0 or 1.
    pub fn sign(&self) -> i32 {
        self.mantissa.signum() as i32
    }

    /// The amount in units, rounded up; `None` if no `i64` can hold it.
    pub fn value(&self) -> Option<i64> {
        i64::try_from(self.at_scale(0)?).ok()
    }

    /// The amount in thousandths, rounded up.
    pub fn milli_value(&self) -> Option<i64> {
        i64::try_from(self.at_scale(-3)?).ok()
    }

    /// Whether the server takes it for a fraction of bytes: it counts thousandths in 64 bits, which overflow with
    /// numbers of more digits than an `i64` has.
    pub fn is_fractional(&self) -> bool {
        let thousandths = || {
            #[expect(clippy::cast_possible_truncation, reason = "as big.Int.Int64 does")]
            let low = self.mantissa as i64;
            let scale = u32::try_from(self.exponent + 3).ok()?;
            Some(low.wrapping_mul(10i64.checked_pow(scale)?))
        };
        let wide = i64::try_from(self.mantissa).is_err() && self.format != QuantityFormat::BinarySi;
        !self.is_whole() || wide && thousandths().is_some_and(|number| number % 1000 != 0)
    }

    /// Whether it is a whole number of units.
    pub fn is_whole(&self) -> bool {
        self.exponent >= 0
            || pow10(self.exponent.unsigned_abs()).is_some_and(|p| self.mantissa % p == 0)
    }

    /// The mantissa at another exponent, rounded up (away from zero).
    fn at_scale(&self, exponent: i32) -> Option<i128> {
        let by = self.exponent - exponent;
        if by >= 0 {
            return self.mantissa.checked_mul(pow10(by.unsigned_abs())?);
        }
        let Some(divisor) = pow10(by.unsigned_abs()) else {
            return Some(i128::from(self.mantissa.signum() as i32));
        };
        let (whole, rest) = (self.mantissa / divisor, self.mantissa % divisor);
        Some(if rest == 0 {
            whole
        } else {
            whole + rest.signum()
        })
    }

    /// Whether it is written in units smaller than thousandths.
    pub fn is_finer_than_milli(&self) -> bool {
        self.exponent < -3
    }

    /// The amount rounded up to thousandths, in the same notation.
    #[must_use]
    pub fn rounded_to_milli(&self) -> Self {
        match self.at_scale(-3) {
            Some(mantissa) if self.exponent < -3 => Self {
                mantissa,
                exponent: -3,
                format: self.format,
            },
            _ => self.clone(),
        }
    }

    /// The amount rounded up to whole units, in the same notation.
    #[must_use]
    pub fn rounded_to_units(&self) -> Self {
        match self.at_scale(0) {
            Some(mantissa) if self.exponent < 0 => Self {
                mantissa,
                exponent: 0,
                format: self.format,
            },
            _ => self.clone(),
        }
    }

    /// So many of something.
    pub fn whole(number: usize) -> Self {
        Self {
            mantissa: i128::try_from(number).unwrap_or(i128::MAX),
            exponent: 0,
            format: QuantityFormat::DecimalSi,
        }
    }

    /// What is left when another amount is taken away.
    #[must_use]
    pub fn subtract(&self, other: &Self) -> Self {
        let minus = Self {
            mantissa: -other.mantissa,
            ..other.clone()
        };
        self.add(&minus)
    }

    /// The sum; written as the first non-zero one is.
    #[must_use]
    pub fn add(&self, other: &Self) -> Self {
        let exponent = self.exponent.min(other.exponent);
        let format = if self.is_zero() {
            other.format
        } else {
            self.format
        };
        let sum = self
            .at_scale(exponent)
            .and_then(|a| a.checked_add(other.at_scale(exponent)?));
        Self {
            mantissa: sum.unwrap_or(i128::from(i64::MAX)),
            exponent,
            format,
        }
    }

    fn cmp(&self, other: &Self) -> Ordering {
        let exponent = self.exponent.min(other.exponent);
        match (self.at_scale(exponent), other.at_scale(exponent)) {
            (Some(a), Some(b)) => a.cmp(&b),
            (None, _) => self.mantissa.cmp(&0),
            (_, None) => 0.cmp(&other.mantissa),
        }
    }

    /// How it compares in amount, whatever it is written as.
    pub fn compare(&self, other: &Self) -> Ordering {
        self.cmp(other)
    }
}

fn pow10(n: u32) -> Option<i128> {
    10i128.checked_pow(n)
}

impl fmt::Display for Quantity {
    /// The canonical form: no fraction, the largest suffix that keeps the amount.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_zero() {
            return f.write_str("0");
        }
        if self.format == QuantityFormat::BinarySi && self.is_whole() {
            let units = self.at_scale(0).unwrap_or_default();
            if units.abs() >= 1024 {
                let (mut number, mut step) = (units, 0);
                while number % 1024 == 0 && step < 6 {
                    number /= 1024;
                    step += 1;
                }
                let suffix = ["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"]
                    .get(step)
                    .unwrap_or(&"");
                return write!(f, "{number}{suffix}");
            }
        }
        let (mut number, mut exponent) = (self.mantissa, self.exponent);
        while number % 10 == 0 {
            number /= 10;
            exponent += 1;
        }
        while exponent.rem_euclid(3) != 0 {
            number = number.saturating_mul(10);
            exponent -= 1;
        }
        if self.format == QuantityFormat::DecimalExponent {
            return if exponent == 0 {
                write!(f, "{number}")
            } else {
                write!(f, "{number}e{exponent}")
            };
        }
        // Beyond the largest suffix the number takes the zeros.
        while exponent > 18 {
            number = number.saturating_mul(1000);
            exponent -= 3;
        }
        let suffix = match exponent {
            -9 => "n",
            -6 => "u",
            -3 => "m",
            3 => "k",
            6 => "M",
            9 => "G",
            12 => "T",
            15 => "P",
            18 => "E",
            _ => "",
        };
        write!(f, "{number}{suffix}")
    }
}

/// The text that the server keeps of a quantity; the error is the server's.
///
/// A spelling that is short enough and looks canonical is kept as it was sent (`01`, `+1`, `1E3`), anything else is
/// written anew.
pub fn stored(text: &str) -> Result<String, &'static str> {
    let parsed = Quantity::parse(text)?;
    Ok(if keeps_spelling(text) {
        text.to_owned()
    } else {
        parsed.to_string()
    })
}

/// `ParseQuantity`'s way for small numbers, which reuses the text if its number has no zeros to spare.
fn keeps_spelling(text: &str) -> bool {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let number_end = unsigned
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(unsigned.len());
    let (number, suffix) = unsigned.split_at(number_end);
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let whole = match whole.trim_start_matches('0') {
        "" => "0",
        whole => whole,
    };
    let digits = format!("{whole}{fraction}");
    let (Some((_, exponent, format)), Ok(value), Ok(count)) = (
        Quantity::suffix(suffix),
        digits.parse::<i64>(),
        i32::try_from(digits.len()),
    ) else {
        return false;
    };
    if format == QuantityFormat::BinarySi {
        let precision = 15 - count - exponent * 3 / 10 - 1;
        return precision >= 0 && fraction.is_empty() && value & 7 != 0;
    }
    let scale = exponent.saturating_sub(count - i32::try_from(whole.len()).unwrap_or(count));
    count <= MOST_DIGITS
        && scale >= -9
        && scale % 3 == 0
        && !digits.ends_with("000")
        && !digits.starts_with('0')
}

/// So many decimal digits fit into an `i64`, whatever they are.
const MOST_DIGITS: i32 = 18;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn canonical_forms() {
        for (given, canonical) in [
            ("0", "0"),
            ("1", "1"),
            ("1.0", "1"),
            ("0.5", "500m"),
            ("1.5", "1500m"),
            ("1000m", "1"),
            ("1500m", "1500m"),
            ("100000", "100k"),
            ("1e3", "1e3"),
            ("1000e0", "1e3"),
            ("12E6", "12e6"),
            ("1Gi", "1Gi"),
            ("1024Mi", "1Gi"),
            ("1.5Gi", "1536Mi"),
            ("0.5Gi", "512Mi"),
            ("100Ki", "100Ki"),
            ("1023", "1023"),
            ("0.1Ki", "102400m"),
            ("-1.5", "-1500m"),
            ("+5", "5"),
            ("5n", "5n"),
            ("0.1n", "1n"),
            ("1u", "1u"),
            ("1000k", "1M"),
            ("1.1Mi", "1153433600m"),
            ("00.50", "500m"),
            (".5", "500m"),
            ("5.", "5"),
            ("1E", "1E"),
            ("2048", "2048"),
            ("16Ei", "9223372036854775807"),
            ("0.5Ki", "512"),
            ("123456789m", "123456789m"),
        ] {
            assert_eq!(
                Quantity::parse(given).map(|q| q.to_string()),
                Ok(canonical.to_owned()),
                "{given}"
            );
        }
    }

    #[test]
    fn spellings_that_are_kept() {
        for (given, kept) in [
            ("01", "01"),
            ("+1", "+1"),
            ("1e0", "1e0"),
            ("1E93", "1E93"),
            ("1e+3", "1e+3"),
            ("12E6", "12E6"),
            ("-7k", "-7k"),
            ("1.5", "1500m"),
            ("1.500", "1.500"),
            ("0.123", "123m"),
            ("1.234", "1.234"),
            ("1000m", "1"),
            ("100000", "100k"),
            ("000", "0"),
            ("1e1", "10"),
            ("7Gi", "7Gi"),
            ("1025Mi", "1025Mi"),
            ("1024Mi", "1Gi"),
            ("008Ki", "8Ki"),
            ("1234567890123456789", "1234567890123456789"),
        ] {
            assert_eq!(stored(given), Ok(kept.to_owned()), "{given}");
        }
    }

    #[test]
    fn wrong_texts() {
        for (given, error) in [
            ("", WRONG_FORMAT),
            ("1z", WRONG_FORMAT),
            ("1 Gi", WRONG_FORMAT),
            ("1iK", WRONG_SUFFIX),
            ("1mM", WRONG_SUFFIX),
            ("abc", WRONG_FORMAT),
        ] {
            assert_eq!(Quantity::parse(given), Err(error), "{given}");
        }
    }

    #[test]
    fn amounts_compare_and_add() {
        let q = |t: &str| Quantity::parse(t).expect("valid");
        assert_eq!(q("1Gi").compare(&q("1G")), Ordering::Greater);
        assert_eq!(q("1000m").compare(&q("1")), Ordering::Equal);
        assert_eq!(q("1500m").value(), Some(2));
        assert_eq!(q("1500m").add(&q("0.5")).to_string(), "2");
        assert!(!q("100m").is_whole());
    }
}
