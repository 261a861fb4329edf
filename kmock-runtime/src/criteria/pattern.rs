//! What one value must look like: the patterns of query, headers, cookies, forms and JSON.

use std::{
    fmt,
    ops::{BitOr, Bound, RangeBounds},
    sync::Arc,
};

use regex::Regex;
use serde_core::Serialize;
use serde_json::Value;

use crate::criteria::FilterError;

/// What a value must look like, in the manner of `match`: for JSON at any depth, and for texts.
///
/// | in `kmock!` | here | matches |
/// |---|---|---|
/// | `"x"`, `"pre*"` | `Pattern::from("pre*")` | that text; `*` is any run of characters |
/// | `5`, `true`, `(expr)` | [`Pattern::value`] | just that value |
/// | `~"v[0-9]+"` | [`Pattern::regex`] | a text that the whole expression matches |
/// | `1..=9` | [`Pattern::range`] | a number in the range |
/// | `_` / `!` | [`Pattern::present`] / [`Pattern::absent`] | anything at all / only nothing |
/// | `"a" \| "b"` | `a \| b` | either |
/// | `{ "k": … }` | [`Pattern::object`] | an object that has these members, and maybe others |
/// | `[a, .., b]` | [`Pattern::array_rest`] | an array that starts and ends so |
#[derive(Clone)]
pub struct Pattern(pub(super) Arc<Shape>);

pub(super) enum Shape {
    Present,
    Absent,
    Value(Value),
    Glob(Glob),
    Regex(Regex),
    Range(Bound<f64>, Bound<f64>),
    OneOf(Vec<Pattern>),
    Object {
        members: Vec<(String, Pattern)>,
        exact: bool,
    },
    Array {
        before: Vec<Pattern>,
        rest: Option<Vec<Pattern>>,
    },
    Test(&'static str, Box<dyn Fn(&Value) -> bool + Send + Sync>),
}

impl Pattern {
    /// Exactly this value. Numbers are equal by value: `1` and `1.0` are one.
    pub fn value(value: impl Serialize) -> Pattern {
        Pattern::of(Shape::Value(
            serde_json::to_value(value).unwrap_or(Value::Null),
        ))
    }

    /// A text that the whole of a regular expression matches.
    ///
    /// # Panics
    /// When the expression is malformed; the message points at the caller. `kmock!` checks it when compiling.
    #[track_caller]
    pub fn regex(expression: &str) -> Pattern {
        match Pattern::try_regex(expression) {
            Ok(pattern) => pattern,
            Err(error) => panic!("kmock: {error}"),
        }
    }

    pub(crate) fn try_regex(expression: &str) -> Result<Pattern, FilterError> {
        Ok(Pattern::of(Shape::Regex(whole_regex(expression)?)))
    }

    /// Anything, as long as there is something. In JSON, null counts as something.
    pub fn present() -> Pattern {
        Pattern::of(Shape::Present)
    }

    /// Nothing: the header, parameter or member must not be there.
    pub fn absent() -> Pattern {
        Pattern::of(Shape::Absent)
    }

    /// A number in a range; a text is read as a number where it is one.
    pub fn range<N: Number>(range: impl RangeBounds<N>) -> Pattern {
        let bound = |bound: Bound<&N>| match bound {
            Bound::Included(n) => Bound::Included(n.as_f64()),
            Bound::Excluded(n) => Bound::Excluded(n.as_f64()),
            Bound::Unbounded => Bound::Unbounded,
        };
        Pattern::of(Shape::Range(
            bound(range.start_bound()),
            bound(range.end_bound()),
        ))
    }

    /// Any of the patterns.
    pub fn one_of(patterns: impl IntoIterator<Item = Pattern>) -> Pattern {
        Pattern::of(Shape::OneOf(patterns.into_iter().collect()))
    }

    /// An object that has these members; others are free.
    pub fn object<K: Into<String>>(members: impl IntoIterator<Item = (K, Pattern)>) -> Pattern {
        Pattern::members(members, false)
    }

    /// An object that has these members and no others.
    pub fn object_exact<K: Into<String>>(
        members: impl IntoIterator<Item = (K, Pattern)>,
    ) -> Pattern {
        Pattern::members(members, true)
    }

    fn members<K: Into<String>>(
        members: impl IntoIterator<Item = (K, Pattern)>,
        exact: bool,
    ) -> Pattern {
        Pattern::of(Shape::Object {
            members: members
                .into_iter()
                .map(|(key, pattern)| (key.into(), pattern))
                .collect(),
            exact,
        })
    }

    /// An array of just these items.
    pub fn array(items: impl IntoIterator<Item = Pattern>) -> Pattern {
        Pattern::of(Shape::Array {
            before: items.into_iter().collect(),
            rest: None,
        })
    }

    /// An array that starts with some items and ends with others: `[a, .., b]`.
    pub fn array_rest(
        before: impl IntoIterator<Item = Pattern>,
        after: impl IntoIterator<Item = Pattern>,
    ) -> Pattern {
        Pattern::of(Shape::Array {
            before: before.into_iter().collect(),
            rest: Some(after.into_iter().collect()),
        })
    }

    /// A value for which a function holds; `text` names it in reports.
    pub fn test(
        text: &'static str,
        holds: impl Fn(&Value) -> bool + Send + Sync + 'static,
    ) -> Pattern {
        Pattern::of(Shape::Test(text, Box::new(holds)))
    }

    fn of(shape: Shape) -> Pattern {
        Pattern(Arc::new(shape))
    }

    /// The same, with no other members in its objects, at any depth.
    pub(crate) fn exact(self) -> Pattern {
        let all = |patterns: &[Pattern]| -> Vec<Pattern> {
            patterns.iter().cloned().map(Pattern::exact).collect()
        };
        match &*self.0 {
            Shape::Object { members, .. } => Pattern::object_exact(
                members
                    .iter()
                    .map(|(key, pattern)| (key.clone(), pattern.clone().exact())),
            ),
            Shape::Array { before, rest } => Pattern::of(Shape::Array {
                before: all(before),
                rest: rest.as_deref().map(all),
            }),
            Shape::OneOf(patterns) => Pattern::of(Shape::OneOf(all(patterns))),
            _ => self,
        }
    }

    /// Whether an empty text fits, which may also count as none.
    pub(crate) fn matches_empty(&self) -> bool {
        match &*self.0 {
            Shape::Present => false,
            Shape::OneOf(patterns) => patterns.iter().any(Pattern::matches_empty),
            _ => self.matches_text(None) || self.matches_text(Some("")),
        }
    }

    /// Whether all values of one name fit: an array means all of them in order, anything else any of them.
    pub(crate) fn matches_texts(&self, texts: &[&str]) -> bool {
        match &*self.0 {
            Shape::Array { before, rest } => {
                let after = rest.as_deref().unwrap_or_default();
                let wanted = before.len() + after.len();
                if texts.len() < wanted || (rest.is_none() && texts.len() > wanted) {
                    // A single value may be JSON.
                    return matches!(texts, [one] if self.matches_text(Some(one)));
                }
                let tail = &texts[texts.len() - after.len()..];
                let fit = |(pattern, text): (&Pattern, &&str)| pattern.matches_text(Some(text));
                before.iter().zip(texts).all(fit) && after.iter().zip(tail).all(fit)
            }
            Shape::OneOf(patterns) => patterns.iter().any(|one| one.matches_texts(texts)),
            _ if texts.is_empty() => self.matches_text(None),
            _ => texts.iter().any(|text| self.matches_text(Some(text))),
        }
    }

    /// The same for texts that are in lower case; an expression says so itself.
    pub(super) fn in_lower_case(self) -> Pattern {
        match &*self.0 {
            Shape::Value(Value::String(text)) => Pattern::value(text.to_lowercase()),
            Shape::Glob(glob) => Pattern::of(Shape::Glob(Glob(glob.0.to_lowercase()))),
            Shape::OneOf(patterns) => {
                Pattern::one_of(patterns.iter().cloned().map(Pattern::in_lower_case))
            }
            _ => self,
        }
    }

    /// Whether a JSON value (or its absence) fits.
    pub fn matches(&self, value: Option<&Value>) -> bool {
        self.mismatch(value, "").is_none()
    }

    /// Whether a text (or its absence) fits: numbers and booleans compare with what the text says.
    pub fn matches_text(&self, text: Option<&str>) -> bool {
        match (&*self.0, text) {
            (Shape::Absent, text) => text.is_none(),
            (Shape::Present, text) => text.is_some(),
            (Shape::OneOf(patterns), text) => patterns.iter().any(|one| one.matches_text(text)),
            (_, None) => false,
            (Shape::Value(Value::String(want)), Some(text)) => want == text,
            (Shape::Value(want), Some(text)) => {
                *want == Value::Null && text.is_empty()
                    || serde_json::from_str(text).is_ok_and(|got: Value| same(want, &got))
            }
            (Shape::Glob(glob), Some(text)) => glob.matches(text),
            (Shape::Regex(regex), Some(text)) => regex.is_match(text),
            (Shape::Range(..), Some(text)) => text
                .trim()
                .parse::<f64>()
                .is_ok_and(|number| self.in_range(number)),
            (Shape::Object { .. } | Shape::Array { .. }, Some(text)) => {
                serde_json::from_str(text).is_ok_and(|got: Value| self.matches(Some(&got)))
            }
            (Shape::Test(_, holds), Some(text)) => holds(&Value::String(text.to_owned())),
        }
    }

    fn in_range(&self, number: f64) -> bool {
        match &*self.0 {
            Shape::Range(low, high) => (*low, *high).contains(&number),
            _ => false,
        }
    }

    /// The first place where a JSON value does not fit: its pointer, what was wanted, what is there.
    pub(crate) fn mismatch(&self, value: Option<&Value>, pointer: &str) -> Option<Mismatch> {
        let miss = || {
            Some(Mismatch {
                pointer: pointer.to_owned(),
                want: self.to_string(),
                got: value.cloned(),
            })
        };
        let fits = |holds: bool| if holds { None } else { miss() };
        let Some(got) = value else {
            return match &*self.0 {
                Shape::Absent => None,
                Shape::OneOf(patterns) => fits(patterns.iter().any(|one| one.matches(None))),
                _ => miss(),
            };
        };
        match &*self.0 {
            Shape::Absent => miss(),
            Shape::Present => None,
            Shape::Value(want) => value_mismatch(want, got, pointer),
            Shape::Glob(glob) => fits(got.as_str().is_some_and(|text| glob.matches(text))),
            Shape::Regex(regex) => fits(got.as_str().is_some_and(|text| regex.is_match(text))),
            Shape::Range(..) => fits(got.as_f64().is_some_and(|number| self.in_range(number))),
            Shape::OneOf(patterns) => fits(patterns.iter().any(|one| one.matches(value))),
            Shape::Test(_, holds) => fits(holds(got)),
            Shape::Object { members, exact } => {
                let Value::Object(map) = got else {
                    return miss();
                };
                for (key, pattern) in members {
                    let place = format!("{pointer}/{}", escape(key));
                    if let Some(found) = pattern.mismatch(map.get(key), &place) {
                        return Some(found);
                    }
                }
                let extra = map
                    .iter()
                    .find(|(key, _)| !members.iter().any(|(name, _)| name == *key));
                match extra {
                    Some((key, value)) if *exact => Some(Mismatch {
                        pointer: format!("{pointer}/{}", escape(key)),
                        want: "nothing".to_owned(),
                        got: Some(value.clone()),
                    }),
                    _ => None,
                }
            }
            Shape::Array { before, rest } => {
                let Value::Array(items) = got else {
                    return miss();
                };
                let after = rest.as_deref().unwrap_or_default();
                let wanted = before.len() + after.len();
                if items.len() < wanted || (rest.is_none() && items.len() > wanted) {
                    return miss();
                }
                let tail = items.len() - after.len();
                before
                    .iter()
                    .zip(0..)
                    .chain(after.iter().zip(tail..))
                    .find_map(|(pattern, index)| {
                        pattern.mismatch(items.get(index), &format!("{pointer}/{index}"))
                    })
            }
        }
    }
}

/// Where a JSON value differs from what was wanted.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Mismatch {
    pub(crate) pointer: String,
    pub(crate) want: String,
    pub(crate) got: Option<Value>,
}

fn value_mismatch(want: &Value, got: &Value, pointer: &str) -> Option<Mismatch> {
    match (want, got) {
        (Value::Object(wanted), Value::Object(members)) => {
            let missing = wanted.iter().find_map(|(key, want)| {
                let place = format!("{pointer}/{}", escape(key));
                match members.get(key) {
                    Some(got) => value_mismatch(want, got, &place),
                    None => Some(Mismatch {
                        pointer: place,
                        want: want.to_string(),
                        got: None,
                    }),
                }
            });
            let extra = || {
                members
                    .iter()
                    .find(|(key, _)| !wanted.contains_key(*key))
                    .map(|(key, got)| Mismatch {
                        pointer: format!("{pointer}/{}", escape(key)),
                        want: "nothing".to_owned(),
                        got: Some(got.clone()),
                    })
            };
            missing.or_else(extra)
        }
        (Value::Array(wanted), Value::Array(items)) if wanted.len() == items.len() => wanted
            .iter()
            .zip(items)
            .zip(0..)
            .find_map(|((want, got), index)| {
                value_mismatch(want, got, &format!("{pointer}/{index}"))
            }),
        _ if same(want, got) => None,
        _ => Some(Mismatch {
            pointer: pointer.to_owned(),
            want: want.to_string(),
            got: Some(got.clone()),
        }),
    }
}

/// JSON equality with numbers by value.
pub(super) fn same(want: &Value, got: &Value) -> bool {
    match (want, got) {
        (Value::Number(a), Value::Number(b)) => a == b || a.as_f64() == b.as_f64(),
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b))
        }
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len()
                && a.iter()
                    .all(|(key, a)| b.get(key).is_some_and(|b| same(a, b)))
        }
        _ => want == got,
    }
}

/// RFC 6901, section 3.
pub(super) fn escape(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

/// A regular expression that must match the whole text.
pub(crate) fn whole_regex(expression: &str) -> Result<Regex, FilterError> {
    Regex::new(&format!("^(?:{expression})$")).map_err(|error| {
        FilterError::new(format!("`{expression}` is no regular expression: {error}"))
    })
}

/// A text with `*` for any run of characters.
#[derive(Clone, Debug)]
pub(crate) struct Glob(String);

impl Glob {
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    pub(crate) fn matches(&self, text: &str) -> bool {
        let mut parts = self.0.split('*');
        let Some(mut rest) = parts.next().and_then(|head| text.strip_prefix(head)) else {
            return false;
        };
        let Some(tail) = parts.next_back() else {
            return rest.is_empty();
        };
        for part in parts {
            match rest.find(part) {
                Some(at) => rest = &rest[at + part.len()..],
                None => return false,
            }
        }
        rest.len() >= tail.len() && rest.ends_with(tail)
    }
}

impl From<&str> for Pattern {
    fn from(text: &str) -> Pattern {
        if text.contains('*') {
            Pattern::of(Shape::Glob(Glob(text.to_owned())))
        } else {
            Pattern::of(Shape::Value(Value::String(text.to_owned())))
        }
    }
}

impl From<String> for Pattern {
    fn from(text: String) -> Pattern {
        Pattern::from(text.as_str())
    }
}

impl From<&String> for Pattern {
    fn from(text: &String) -> Pattern {
        Pattern::from(text.as_str())
    }
}

macro_rules! from_values {
    ($($kind:ty),*) => { $(
        impl From<$kind> for Pattern {
            fn from(value: $kind) -> Pattern {
                Pattern::value(value)
            }
        }
    )* };
}
from_values!(
    bool, u8, u16, u32, u64, usize, i8, i16, i32, i64, isize, f32, f64, Value
);

impl BitOr for Pattern {
    type Output = Pattern;

    fn bitor(self, other: Pattern) -> Pattern {
        Pattern::one_of([self, other])
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fn list(f: &mut fmt::Formatter<'_>, items: &[Pattern]) -> fmt::Result {
            for (n, item) in items.iter().enumerate() {
                write!(f, "{}{item}", if n > 0 { ", " } else { "" })?;
            }
            Ok(())
        }
        match &*self.0 {
            Shape::Present => f.write_str("_"),
            Shape::Absent => f.write_str("!"),
            Shape::Value(value) => write!(f, "{value}"),
            Shape::Glob(glob) => write!(f, "{:?}", glob.0),
            Shape::Regex(regex) => {
                let whole = regex.as_str();
                write!(f, "~{:?}", &whole[4..whole.len() - 2])
            }
            Shape::Range(low, high) => {
                match low {
                    Bound::Included(low) | Bound::Excluded(low) => write!(f, "{low}")?,
                    Bound::Unbounded => {}
                }
                match high {
                    Bound::Included(high) => write!(f, "..={high}"),
                    Bound::Excluded(high) => write!(f, "..{high}"),
                    Bound::Unbounded => f.write_str(".."),
                }
            }
            Shape::OneOf(patterns) => {
                for (n, one) in patterns.iter().enumerate() {
                    write!(f, "{}{one}", if n > 0 { " | " } else { "" })?;
                }
                Ok(())
            }
            Shape::Object { members, .. } => {
                f.write_str("{")?;
                for (n, (key, pattern)) in members.iter().enumerate() {
                    write!(f, "{}{key:?}: {pattern}", if n > 0 { ", " } else { "" })?;
                }
                f.write_str("}")
            }
            Shape::Array { before, rest } => {
                f.write_str("[")?;
                list(f, before)?;
                if let Some(after) = rest {
                    f.write_str(if before.is_empty() { ".." } else { ", .." })?;
                    for item in after {
                        write!(f, ", {item}")?;
                    }
                }
                f.write_str("]")
            }
            Shape::Test(text, _) => write!(f, "({text})"),
        }
    }
}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pattern({self})")
    }
}

/// The numbers that make ranges.
pub trait Number {
    /// The number as JSON compares it.
    fn as_f64(&self) -> f64;
}

macro_rules! numbers {
    ($($kind:ty),*) => { $(
        impl Number for $kind {
            #[allow(clippy::cast_precision_loss, clippy::cast_lossless, reason = "JSON compares numbers as f64")]
            fn as_f64(&self) -> f64 {
                *self as f64
            }
        }
    )* };
}
numbers!(u8, u16, u32, u64, usize, i8, i16, i32, i64, isize, f32, f64);

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn glob(pattern: &str, text: &str) -> bool {
        Pattern::from(pattern).matches_text(Some(text))
    }

    #[test]
    fn globs_match_runs() {
        assert!(glob("pre*", "prefix") && glob("pre*", "pre"));
        assert!(glob("*fix", "prefix") && !glob("*fix", "prefixed"));
        assert!(glob("a*b*c", "a-b-b-c") && !glob("a*b*c", "a-c"));
        assert!(!glob("aba*aba", "aba") && glob("*", ""));
    }

    #[test]
    fn nested_patterns_say_where_they_differ() {
        let pattern = Pattern::object([
            ("name", Pattern::from("j*")),
            ("tags", Pattern::array_rest([Pattern::from("a")], [])),
            ("age", Pattern::range(18..=65)),
            ("secret", Pattern::absent()),
        ]);
        let good = json!({"name": "john", "tags": ["a", "b"], "age": 20, "more": 1});
        assert!(pattern.matches(Some(&good)));
        let mut bad = good.clone();
        bad["tags"][0] = json!("x");
        let miss = pattern.mismatch(Some(&bad), "").expect("a mismatch");
        assert_eq!(
            (miss.pointer.as_str(), miss.want.as_str()),
            ("/tags/0", "\"a\"")
        );
        let mut bad = good;
        bad["secret"] = json!(1);
        assert!(!pattern.matches(Some(&bad)));
    }

    #[test]
    fn texts_compare_with_numbers() {
        assert!(Pattern::value(5).matches_text(Some("5")));
        assert!(Pattern::range(1..10).matches_text(Some("9")));
        assert!(!Pattern::range(1..10).matches_text(Some("10")));
        assert!((Pattern::from("a") | Pattern::absent()).matches_text(None));
    }
}
