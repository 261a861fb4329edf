//! `Range: bytes=0-4, -3` (RFC 9110, 14).

/// Bytes of a body, the last excluded.
pub(super) type Range = std::ops::Range<usize>;

/// What is asked for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Asked {
    /// Nothing that can be read: the whole is answered (RFC 9110, 14.2).
    Nothing,
    /// Ranges that are there.
    Ranges(Vec<Range>),
    /// None of the ranges is there.
    NoSuch,
}

/// How many ranges a client may ask for: of more, it means no good (RFC 9110, 17.15).
const MOST: usize = 100;

pub(super) fn read(text: &str, size: usize) -> Asked {
    let Some((unit, list)) = text.split_once('=') else {
        return Asked::Nothing;
    };
    if !unit.trim().eq_ignore_ascii_case("bytes") {
        return Asked::Nothing;
    }
    let mut ranges = Vec::new();
    let mut count = 0;
    for one in list.split(',').map(str::trim).filter(|one| !one.is_empty()) {
        count += 1;
        match range(one, size) {
            None => return Asked::Nothing,
            Some(None) => {}
            Some(Some(range)) => ranges.push(range),
        }
    }
    match ranges.is_empty() {
        _ if count == 0 || count > MOST => Asked::Nothing,
        true => Asked::NoSuch,
        false => Asked::Ranges(ranges),
    }
}

/// One range; `None` where it is malformed, and within that where it is not there.
#[allow(
    clippy::option_option,
    reason = "a malformed range is another thing than one that is not there"
)]
fn range(text: &str, size: usize) -> Option<Option<Range>> {
    let (first, last) = text.split_once('-')?;
    // Numbers of any length: a range that is longer than memory is a range.
    let number = |text: &str| {
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        digits.then(|| text.parse::<usize>().unwrap_or(usize::MAX))
    };
    let (first, last) = (first.trim(), last.trim());
    if first.is_empty() {
        let suffix = number(last)?;
        let is_there = suffix > 0 && size > 0;
        return Some(is_there.then(|| size.saturating_sub(suffix)..size));
    }
    let first = number(first)?;
    let end = match last {
        "" => size,
        last => {
            let last = number(last)?;
            if last < first {
                return None;
            }
            last.saturating_add(1).min(size)
        }
    };
    Some((first < size).then_some(first..end))
}

#[cfg(test)]
#[allow(
    clippy::single_range_in_vec_init,
    reason = "a list of one range is meant"
)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read() {
        for (text, ranges) in [
            ("bytes=0-4", vec![0..5]),
            ("Bytes = 5-", vec![5..10]),
            ("bytes=-3", vec![7..10]),
            ("bytes=-99", vec![0..10]),
            ("bytes=8-99999999999999999999999", vec![8..10]),
            ("bytes=0-0, ,9-9,50-", vec![0..1, 9..10]),
        ] {
            assert_eq!(read(text, 10), Asked::Ranges(ranges), "{text}");
        }
        for text in ["bytes=10-", "bytes=-0", "bytes=99-100"] {
            assert_eq!(read(text, 10), Asked::NoSuch, "{text}");
        }
        for text in [
            "bytes=4-2",
            "bytes=a-b",
            "lines=0-1",
            "bytes",
            "bytes=",
            "bytes=1",
            "bytes=--1",
        ] {
            assert_eq!(read(text, 10), Asked::Nothing, "{text}");
        }
        assert_eq!(read("bytes=0-", 0), Asked::NoSuch);
    }
}
