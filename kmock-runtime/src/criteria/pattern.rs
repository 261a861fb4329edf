//! What one value must look like: the patterns of query, headers, cookies, forms and JSON.

use std::{
    fmt,
    ops::{BitOr, Bound, Not, RangeBounds},
    sync::Arc,
};

use regex::Regex;
use serde_core::Serialize;
use serde_json::Value;

use crate::criteria::{
    FilterError,
    arrays::{partners, places},
    glob::Glob,
    number::{self, Exact, Number},
};

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
/// | `!"a"` | `!a` | anything else that is there |
/// | `{ "k": … }` | [`Pattern::object`] | an object that has these members, and maybe others |
/// | `[a, b]` | [`Pattern::array`] | an array of just these items |
/// | `[a, .., b]` | [`Pattern::array_rest`] | an array that starts and ends so |
/// | `[.., a, ..]` | [`Pattern::array_runs`] | an array with it somewhere |
/// | `any_order [a, b]` | [`Pattern::any_order`] | an array of just these items, whatever their order |
/// | `any_order [a, b, ..]` | [`Pattern::any_order_rest`] | an array that has an item for each of them, and maybe others |
///
/// ```
/// # use kmock_runtime as kmock;
/// use kmock::Pattern;
/// use serde_json::json;
///
/// let tags = Pattern::any_order_rest([Pattern::from("new"), !Pattern::from("old*")]);
/// let order = Pattern::object([("total", Pattern::range(1..)), ("tags", tags)]);
/// assert!(order.matches(Some(&json!({"total": 7, "tags": ["red", "new"], "more": null}))));
/// assert!(!order.matches(Some(&json!({"total": 7, "tags": ["new", "old one"]}))));
/// ```
#[derive(Clone)]
pub struct Pattern(pub(super) Arc<Shape>);

pub(super) enum Shape {
    Present,
    Absent,
    Value(Value),
    Glob(Glob),
    Regex(Regex),
    Range(Bound<Exact>, Bound<Exact>),
    OneOf(Vec<Pattern>),
    Not(Pattern),
    Object {
        members: Vec<(String, Pattern)>,
        exact: bool,
    },
    /// Runs of items with any others between them; a single run is the whole array.
    Array(Vec<Vec<Pattern>>),
    /// Items in any order; `more`: there may be others.
    AnyOrder {
        items: Vec<Pattern>,
        more: bool,
    },
    Test(&'static str, Box<dyn Fn(&Value) -> bool + Send + Sync>),
}

impl Pattern {
    /// Exactly this value. Numbers are equal by value: `1` and `1.0` are one; integers are compared exactly.
    pub fn value(value: impl Serialize) -> Pattern {
        // Integers beyond 64 bits are a text before they are a value.
        let value = serde_json::to_value(&value).ok().or_else(|| {
            let text = serde_json::to_vec(&value).ok()?;
            number::read_json(&text)
        });
        Pattern::of(Shape::Value(value.unwrap_or(Value::Null)))
    }

    /// A value that has all of this, and maybe more: objects, at any depth, may have other members.
    pub fn partial(value: impl Serialize) -> Pattern {
        match Pattern::value(value).0.as_ref() {
            Shape::Value(value) => Pattern::part(value),
            _ => Pattern::present(),
        }
    }

    fn part(value: &Value) -> Pattern {
        match value {
            Value::Object(members) if !number::is_long(value) => Pattern::object(
                members
                    .iter()
                    .map(|(key, value)| (key, Pattern::part(value))),
            ),
            Value::Array(items) => Pattern::array(items.iter().map(Pattern::part)),
            other => Pattern::of(Shape::Value(other.clone())),
        }
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
            Bound::Included(n) => Bound::Included(n.exact()),
            Bound::Excluded(n) => Bound::Excluded(n.exact()),
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
        Pattern::array_runs([items.into_iter().collect()])
    }

    /// An array that starts with some items and ends with others: `[a, .., b]`.
    pub fn array_rest(
        before: impl IntoIterator<Item = Pattern>,
        after: impl IntoIterator<Item = Pattern>,
    ) -> Pattern {
        Pattern::array_runs([before.into_iter().collect(), after.into_iter().collect()])
    }

    /// An array of runs of items with any others between them: it starts with the first run and ends with the last.
    /// So `[.., a, b, ..]` is three runs, of which the first and the last are empty.
    pub fn array_runs(runs: impl IntoIterator<Item = Vec<Pattern>>) -> Pattern {
        Pattern::of(Shape::Array(runs.into_iter().collect()))
    }

    /// An array of just these items, whatever their order: each pattern has an item of its own.
    pub fn any_order(items: impl IntoIterator<Item = Pattern>) -> Pattern {
        let items = items.into_iter().collect();
        Pattern::of(Shape::AnyOrder { items, more: false })
    }

    /// An array that has an item of its own for each of the patterns, whatever their order, and maybe others.
    pub fn any_order_rest(items: impl IntoIterator<Item = Pattern>) -> Pattern {
        let items = items.into_iter().collect();
        Pattern::of(Shape::AnyOrder { items, more: true })
    }

    /// A value for which a function holds; `text` names it in reports.
    pub fn test(
        text: &'static str,
        holds: impl Fn(&Value) -> bool + Send + Sync + 'static,
    ) -> Pattern {
        Pattern::of(Shape::Test(text, Box::new(holds)))
    }

    pub(super) fn of(shape: Shape) -> Pattern {
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
            Shape::Array(runs) => Pattern::array_runs(runs.iter().map(|run| all(run))),
            Shape::AnyOrder { items, more } => Pattern::of(Shape::AnyOrder {
                items: all(items),
                more: *more,
            }),
            Shape::OneOf(patterns) => Pattern::one_of(all(patterns)),
            Shape::Not(inner) => !inner.clone().exact(),
            _ => self,
        }
    }

    /// The same for texts that are in lower case; an expression says so itself.
    pub(super) fn in_lower_case(self) -> Pattern {
        match &*self.0 {
            Shape::Value(Value::String(text)) => Pattern::value(text.to_lowercase()),
            Shape::Glob(glob) => Pattern::of(Shape::Glob(glob.in_lower_case())),
            Shape::OneOf(patterns) => {
                Pattern::one_of(patterns.iter().cloned().map(Pattern::in_lower_case))
            }
            Shape::Not(inner) => !inner.clone().in_lower_case(),
            _ => self,
        }
    }

    /// The text that it is, with `*` for any run.
    pub(crate) fn as_text(&self) -> Option<String> {
        match &*self.0 {
            Shape::Value(Value::String(text)) => Some(text.clone()),
            Shape::Glob(glob) => Some(glob.as_written()),
            _ => None,
        }
    }

    /// The patterns of which any may fit.
    pub(crate) fn alternatives(&self) -> &[Pattern] {
        match &*self.0 {
            Shape::OneOf(patterns) => patterns,
            _ => std::slice::from_ref(self),
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

    /// Whether all values of one name fit: an array means all of them, a negation none of them, anything else any.
    pub(crate) fn matches_texts(&self, texts: &[&str]) -> bool {
        let fits = |one: &Pattern, at: usize| one.matches_text(texts.get(at).copied());
        // A single value may be JSON.
        let is_json = || matches!(texts, [one] if self.matches_text(Some(one)));
        match &*self.0 {
            Shape::Array(runs) => places(runs, texts.len(), fits).is_some() || is_json(),
            Shape::AnyOrder { items, more } => {
                any_order(items, *more, texts.len(), fits) || is_json()
            }
            Shape::OneOf(patterns) => patterns.iter().any(|one| one.matches_texts(texts)),
            Shape::Not(inner) => !texts.is_empty() && !inner.matches_texts(texts),
            _ if texts.is_empty() => self.matches_text(None),
            _ => texts.iter().any(|text| self.matches_text(Some(text))),
        }
    }

    /// Whether a text (or its absence) fits: numbers and booleans compare with what the text says.
    pub fn matches_text(&self, text: Option<&str>) -> bool {
        match (&*self.0, text) {
            (Shape::Absent, text) => text.is_none(),
            (Shape::Present, text) => text.is_some(),
            (Shape::OneOf(patterns), text) => patterns.iter().any(|one| one.matches_text(text)),
            (_, None) => false,
            (Shape::Not(inner), text) => !inner.matches_text(text),
            (Shape::Value(Value::String(want)), Some(text)) => want == text,
            (Shape::Value(want), Some(text)) => {
                *want == Value::Null && text.is_empty()
                    || number::read_json(text.as_bytes()).is_some_and(|got| same(want, &got))
            }
            (Shape::Glob(glob), Some(text)) => glob.matches(text),
            (Shape::Regex(regex), Some(text)) => regex.is_match(text),
            (Shape::Range(low, high), Some(text)) => {
                Exact::read(text).is_some_and(|number| in_range(low, high, &number))
            }
            (Shape::Object { .. } | Shape::Array(_) | Shape::AnyOrder { .. }, Some(text)) => {
                number::read_json(text.as_bytes()).is_some_and(|got| self.matches(Some(&got)))
            }
            (Shape::Test(_, holds), Some(text)) => holds(&Value::String(text.to_owned())),
        }
    }

    /// Whether a JSON value (or its absence) fits.
    pub fn matches(&self, value: Option<&Value>) -> bool {
        let Some(got) = value else {
            return match &*self.0 {
                Shape::Absent => true,
                Shape::OneOf(patterns) => patterns.iter().any(|one| one.matches(None)),
                _ => false,
            };
        };
        match &*self.0 {
            Shape::Absent => false,
            Shape::Present => true,
            Shape::Value(want) => same(want, got),
            Shape::Glob(glob) => got.as_str().is_some_and(|text| glob.matches(text)),
            Shape::Regex(regex) => got.as_str().is_some_and(|text| regex.is_match(text)),
            Shape::Range(low, high) => {
                Exact::of(got).is_some_and(|number| in_range(low, high, &number))
            }
            Shape::OneOf(patterns) => patterns.iter().any(|one| one.matches(value)),
            Shape::Not(inner) => !inner.matches(value),
            Shape::Test(_, holds) => holds(&number::plain(got)),
            Shape::Object { members, exact } => match got {
                Value::Object(map) if !number::is_long(got) => {
                    let wanted = |key: &String| members.iter().any(|(name, _)| name == key);
                    members
                        .iter()
                        .all(|(key, pattern)| pattern.matches(map.get(key)))
                        && (!exact || map.keys().all(wanted))
                }
                _ => false,
            },
            Shape::Array(runs) => got.as_array().is_some_and(|items| {
                let fits = |one: &Pattern, at: usize| one.matches(items.get(at));
                places(runs, items.len(), fits).is_some()
            }),
            Shape::AnyOrder { items, more } => got.as_array().is_some_and(|got| {
                let fits = |one: &Pattern, at: usize| one.matches(got.get(at));
                any_order(items, *more, got.len(), fits)
            }),
        }
    }
}

fn any_order(
    items: &[Pattern],
    more: bool,
    length: usize,
    fits: impl Fn(&Pattern, usize) -> bool,
) -> bool {
    (items.len() == length || more && items.len() < length)
        && partners(items, length, fits).iter().all(Option::is_some)
}

fn in_range(low: &Bound<Exact>, high: &Bound<Exact>, number: &Exact) -> bool {
    let above = match low {
        Bound::Included(low) => number >= low,
        Bound::Excluded(low) => number > low,
        Bound::Unbounded => true,
    };
    above
        && match high {
            Bound::Included(high) => number <= high,
            Bound::Excluded(high) => number < high,
            Bound::Unbounded => true,
        }
}

/// JSON equality with numbers by value.
pub(super) fn same(want: &Value, got: &Value) -> bool {
    match (want, got) {
        (Value::Number(a), Value::Number(b)) => a == b || Exact::from(a) == Exact::from(b),
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b))
        }
        _ if number::is_long(want) || number::is_long(got) => {
            let both = Exact::of(want).zip(Exact::of(got));
            both.is_some_and(|(want, got)| want == got)
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

impl From<&str> for Pattern {
    fn from(text: &str) -> Pattern {
        Pattern::of(match Glob::new(text) {
            Some(glob) => Shape::Glob(glob),
            None => Shape::Value(Value::String(text.to_owned())),
        })
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
    bool, u8, u16, u32, u64, u128, usize, i8, i16, i32, i64, i128, isize, f32, f64
);

impl From<Value> for Pattern {
    /// [`Pattern::partial`]: objects may have other members. Just the value is [`Pattern::value`].
    fn from(value: Value) -> Pattern {
        Pattern::part(&value)
    }
}

impl From<&Value> for Pattern {
    /// [`Pattern::partial`]: objects may have other members. Just the value is [`Pattern::value`].
    fn from(value: &Value) -> Pattern {
        Pattern::part(value)
    }
}

impl From<&Pattern> for Pattern {
    fn from(pattern: &Pattern) -> Pattern {
        pattern.clone()
    }
}

impl BitOr for Pattern {
    type Output = Pattern;

    fn bitor(self, other: Pattern) -> Pattern {
        Pattern::one_of([self, other])
    }
}

impl Not for Pattern {
    type Output = Pattern;

    /// Anything that is there and does not fit; of several values, none may fit.
    fn not(self) -> Pattern {
        Pattern::of(Shape::Not(self))
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
            Shape::Value(value) => f.write_str(&number::shown(value)),
            Shape::Glob(glob) => write!(f, "{:?}", glob.to_string()),
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
            Shape::Not(inner) => match &*inner.0 {
                Shape::OneOf(_) => write!(f, "!({inner})"),
                _ => write!(f, "!{inner}"),
            },
            Shape::Array(runs) => {
                let mut items: Vec<String> = Vec::new();
                for (n, run) in runs.iter().enumerate() {
                    items.extend((n > 0).then(|| "..".to_owned()));
                    items.extend(run.iter().map(Pattern::to_string));
                }
                write!(f, "[{}]", items.join(", "))
            }
            Shape::AnyOrder { items, more } => {
                f.write_str("any_order [")?;
                list(f, items)?;
                let rest = if items.is_empty() { ".." } else { ", .." };
                f.write_str(if *more { rest } else { "" })?;
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn patterns_go_to_any_depth() {
        let pattern = Pattern::object([
            ("name", Pattern::from("j*")),
            ("tags", Pattern::array_rest([Pattern::from("a")], [])),
            ("age", Pattern::range(18..=65)),
            ("secret", Pattern::absent()),
        ]);
        let good = json!({"name": "john", "tags": ["a", "b"], "age": 20, "more": 1});
        assert!(pattern.matches(Some(&good)));
        for (place, wrong) in [
            ("name", json!("x")),
            ("tags", json!(["x"])),
            ("age", json!(7)),
        ] {
            let mut bad = good.clone();
            bad[place] = wrong;
            assert!(!pattern.matches(Some(&bad)), "{place}");
        }
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

    #[test]
    fn integers_are_exact_in_values_ranges_and_texts() {
        const ID: i64 = 175_928_847_299_117_063;
        let (id, next) = (json!({"id": ID}), json!({"id": ID + 1}));
        for pattern in [
            Pattern::value(&id),
            Pattern::partial(&id),
            Pattern::object([("id", Pattern::value(ID))]),
            Pattern::object([("id", Pattern::range(ID..=ID))]),
        ] {
            assert!(
                pattern.matches(Some(&id)) && !pattern.matches(Some(&next)),
                "{pattern}"
            );
        }
        assert!(Pattern::range(ID + 1..).matches_text(Some("175928847299117064")));
        assert!(!Pattern::range(ID + 1..).matches_text(Some("175928847299117063")));
        let beyond = Pattern::value(u128::from(u64::MAX) + 1);
        assert_eq!(beyond.to_string(), "18446744073709551616");
        assert!(beyond.matches_text(Some("18446744073709551616")));
        assert!(!beyond.matches_text(Some("18446744073709551617")));
        let body = number::read_json(b"{\"id\": 18446744073709551617}");
        let wanted = |n: u128| Pattern::object([("id", Pattern::value(n))]);
        assert!(wanted(18_446_744_073_709_551_617).matches(body.as_ref()));
        assert!(!wanted(18_446_744_073_709_551_616).matches(body.as_ref()));
        assert!(!wanted(u128::from(u64::MAX)).matches(body.as_ref()));
        assert!(Pattern::value(1).matches(Some(&json!(1.0))));
        assert!(Pattern::range(1..=2).matches(Some(&json!(1.5))));
    }

    #[test]
    fn negations_need_something_that_is_there() {
        let pattern = !Pattern::from("a*");
        assert!(pattern.matches(Some(&json!("b"))) && pattern.matches(Some(&json!(1))));
        assert!(!pattern.matches(Some(&json!("ab"))) && !pattern.matches(None));
        assert!((pattern.clone() | Pattern::absent()).matches(None));
        assert!(pattern.matches_texts(&["b", "c"]) && !pattern.matches_texts(&["b", "a"]));
        assert!(!pattern.matches_texts(&[]));
        assert_eq!(
            (!(Pattern::value(1) | Pattern::value(2))).to_string(),
            "!(1 | 2)"
        );
        let exact = (!Pattern::object([("a", Pattern::value(1))])).exact();
        assert!(exact.matches(Some(&json!({"a": 1, "b": 2}))));
    }

    #[test]
    fn arrays_have_runs_or_no_order() {
        let texts = |texts: &[&str]| texts.iter().copied().map(Pattern::from).collect::<Vec<_>>();
        let runs = |all: &[&[&str]]| Pattern::array_runs(all.iter().map(|run| texts(run)));
        let fits = |pattern: &Pattern, items: &[&str]| {
            assert_eq!(
                pattern.matches_texts(items),
                pattern.matches(Some(&json!(items)))
            );
            pattern.matches_texts(items)
        };
        let contains = runs(&[&[], &["a", "b"], &[]]);
        assert_eq!(contains.to_string(), r#"[.., "a", "b", ..]"#);
        assert!(fits(&contains, &["a", "b"]) && fits(&contains, &["x", "a", "a", "b", "y"]));
        assert!(!fits(&contains, &["a", "x", "b"]) && !fits(&contains, &[]));
        let between = runs(&[&["a"], &["b"], &["c"]]);
        assert!(fits(&between, &["a", "b", "c"]) && fits(&between, &["a", "x", "b", "y", "c"]));
        assert!(!fits(&between, &["a", "c"]) && !fits(&between, &["a", "x", "c"]));
        // An item has one pattern: the first one takes what the second one needs, and gives it back.
        let any = Pattern::any_order(texts(&["*", "a"]));
        assert!(fits(&any, &["a", "b"]) && fits(&any, &["b", "a"]));
        assert!(!fits(&any, &["b", "b"]) && !fits(&any, &["a", "b", "c"]) && !fits(&any, &["a"]));
        let more = Pattern::any_order_rest(texts(&["a", "a"]));
        assert_eq!(more.to_string(), r#"any_order ["a", "a", ..]"#);
        assert!(fits(&more, &["a", "b", "a"]) && !fits(&more, &["a", "b"]));
        assert!(Pattern::array([]).matches(Some(&json!([]))));
    }

    #[test]
    fn values_are_patterns_of_a_part_and_exact_when_asked_to_be() {
        let want = json!({"a": {"b": 1}, "c": ["*"]});
        let more = json!({"a": {"b": 1, "x": 2}, "c": ["*"], "d": 3});
        assert!(Pattern::from(&want).matches(Some(&more)));
        assert!(!Pattern::value(&want).matches(Some(&more)));
        assert!(!Pattern::from(want).exact().matches(Some(&more)));
        assert!(!Pattern::from(json!(["*"])).matches(Some(&json!(["x"]))));
    }
}
