//! How many: the counts of expectations and assertions, and slices of requests.

use std::{
    fmt,
    ops::{Range, RangeFrom, RangeFull, RangeInclusive, RangeTo, RangeToInclusive},
};

/// How many requests are right: from plain numbers and ranges, or [`Times::not`].
///
/// ```no_run
/// # use kmock_runtime as kmock;
/// # async fn example(k: kmock::KMock) -> Result<(), Box<dyn std::error::Error>> {
/// use kmock::Times;
///
/// k.on("get /once").expecting(1).status(200);
/// k.on("get /some").expecting(1..).status(200);
/// k.on("get /few").expecting(..=3).status(200);
/// k.on("get /other").expecting(Times::not(1)).status(200);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Times {
    least: usize,
    most: Option<usize>,
    negated: bool,
}

impl Times {
    /// Just this many.
    pub fn exactly(n: usize) -> Times {
        Times::between(n, Some(n))
    }

    /// Any number but this one.
    pub fn not(n: usize) -> Times {
        Times {
            negated: true,
            ..Times::exactly(n)
        }
    }

    fn between(least: usize, most: Option<usize>) -> Times {
        Times {
            least,
            most,
            negated: false,
        }
    }

    /// Whether a count is right.
    pub fn contains(&self, n: usize) -> bool {
        (n >= self.least && self.most.is_none_or(|most| n <= most)) != self.negated
    }

    /// Whether a count that is not right yet may become so with more requests.
    pub fn may_come(&self, n: usize) -> bool {
        self.negated || self.most.is_none_or(|most| n < most)
    }
}

impl fmt::Display for Times {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let least = self.least;
        match self.most {
            _ if self.negated => write!(f, "not {least}"),
            Some(most) if most == least => write!(f, "{least}"),
            Some(most) if least == 0 => write!(f, "at most {most}"),
            Some(most) => write!(f, "{least} to {most}"),
            None => write!(f, "at least {least}"),
        }
    }
}

impl fmt::Debug for Times {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Times({self})")
    }
}

/// Which of the requests that a rule has seen it answers, by their number from 0: from numbers and ranges.
///
/// ```no_run
/// # use kmock_runtime as kmock;
/// # async fn example(k: kmock::KMock) -> Result<(), Box<dyn std::error::Error>> {
/// // The first two are refused, all others served.
/// k.on("get /flaky").slice(..2).status(503);
/// k.on("get /flaky").status(200);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Slice {
    start: usize,
    end: Option<usize>,
}

impl Slice {
    /// Whether the n-th request, from 0, is in the slice.
    pub fn contains(&self, n: usize) -> bool {
        n >= self.start && self.end.is_none_or(|end| n < end)
    }
}

impl fmt::Display for Slice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.end {
            Some(end) if end == self.start + 1 => write!(f, "[{}]", self.start),
            Some(end) if self.start == 0 => write!(f, "[..{end}]"),
            Some(end) => write!(f, "[{}..{end}]", self.start),
            None => write!(f, "[{}..]", self.start),
        }
    }
}

impl fmt::Debug for Slice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Slice({self})")
    }
}

impl From<RangeFull> for Times {
    fn from(_: RangeFull) -> Times {
        Times::between(0, None)
    }
}

impl From<RangeFull> for Slice {
    fn from(_: RangeFull) -> Slice {
        Slice {
            start: 0,
            end: None,
        }
    }
}

/// Counts are written as bare literals, which are `i32` unless something says otherwise: both are taken.
macro_rules! from_ranges {
    ($($kind:ty: $count:expr),*) => { $(
        impl From<$kind> for Times {
            fn from(n: $kind) -> Times {
                Times::exactly($count(n))
            }
        }

        impl From<Range<$kind>> for Times {
            /// An empty range can never be right.
            fn from(range: Range<$kind>) -> Times {
                let (start, end): (usize, usize) = ($count(range.start), $count(range.end));
                match end.checked_sub(1) {
                    Some(most) if most >= start => Times::between(start, Some(most)),
                    _ => Times { least: 0, most: None, negated: true },
                }
            }
        }

        impl From<RangeInclusive<$kind>> for Times {
            fn from(range: RangeInclusive<$kind>) -> Times {
                Times::between($count(*range.start()), Some($count(*range.end())))
            }
        }

        impl From<RangeFrom<$kind>> for Times {
            fn from(range: RangeFrom<$kind>) -> Times {
                Times::between($count(range.start), None)
            }
        }

        impl From<RangeTo<$kind>> for Times {
            fn from(range: RangeTo<$kind>) -> Times {
                let end: usize = $count(range.end);
                Times::from(0..end)
            }
        }

        impl From<RangeToInclusive<$kind>> for Times {
            fn from(range: RangeToInclusive<$kind>) -> Times {
                Times::between(0, Some($count(range.end)))
            }
        }

        impl From<$kind> for Slice {
            fn from(n: $kind) -> Slice {
                let n: usize = $count(n);
                Slice { start: n, end: Some(n + 1) }
            }
        }

        impl From<Range<$kind>> for Slice {
            fn from(range: Range<$kind>) -> Slice {
                Slice { start: $count(range.start), end: Some($count(range.end)) }
            }
        }

        impl From<RangeInclusive<$kind>> for Slice {
            fn from(range: RangeInclusive<$kind>) -> Slice {
                let end: usize = $count(*range.end());
                Slice { start: $count(*range.start()), end: Some(end + 1) }
            }
        }

        impl From<RangeFrom<$kind>> for Slice {
            fn from(range: RangeFrom<$kind>) -> Slice {
                Slice { start: $count(range.start), end: None }
            }
        }

        impl From<RangeTo<$kind>> for Slice {
            fn from(range: RangeTo<$kind>) -> Slice {
                Slice { start: 0, end: Some($count(range.end)) }
            }
        }

        impl From<RangeToInclusive<$kind>> for Slice {
            fn from(range: RangeToInclusive<$kind>) -> Slice {
                let end: usize = $count(range.end);
                Slice { start: 0, end: Some(end + 1) }
            }
        }
    )* };
}

/// A negative count is never reached, and none is asked for below it.
fn counted(n: i32) -> usize {
    usize::try_from(n).unwrap_or(0)
}

from_ranges!(usize: std::convert::identity, i32: counted);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_come_from_numbers_and_ranges() {
        let right = |times: Times| (0..5).filter(|n| times.contains(*n)).collect::<Vec<_>>();
        assert_eq!(right(2.into()), [2]);
        assert_eq!(right((1..3).into()), [1, 2]);
        assert_eq!(right((1..=3).into()), [1, 2, 3]);
        assert_eq!(right((3..).into()), [3, 4]);
        assert_eq!(right((..2).into()), [0, 1]);
        assert_eq!(right((..=2).into()), [0, 1, 2]);
        assert_eq!(right(Times::not(0)), [1, 2, 3, 4]);
        assert_eq!(right((2usize..2).into()), [] as [usize; 0]);
        assert_eq!(Times::from(1..).to_string(), "at least 1");
    }

    #[test]
    fn slices_come_from_numbers_and_ranges() {
        let inside = |slice: Slice| (0..5).filter(|n| slice.contains(*n)).collect::<Vec<_>>();
        assert_eq!(inside(0.into()), [0]);
        assert_eq!(inside((..3).into()), [0, 1, 2]);
        assert_eq!(inside((3..).into()), [3, 4]);
        assert_eq!(inside((1..=2).into()), [1, 2]);
    }
}
