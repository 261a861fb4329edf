//! Whether one filter takes every request that another takes: how rules that can never answer are found.
//!
//! A careful guess: `true` is certain, `false` says nothing. Functions are never looked into.

use serde_json::Value;

use crate::criteria::{
    Criterion, Filter, Node,
    pattern::{Pattern, Shape, same},
};

impl Filter {
    /// Whether this filter certainly takes every request that the other takes.
    pub(crate) fn covers(&self, other: &Filter) -> bool {
        match (self.tree(), other.tree()) {
            (Node::All(all), _) => all.iter().all(|one| one.covers(other)),
            (_, Node::Any(any)) => !any.is_empty() && any.iter().all(|one| self.covers(one)),
            (Node::Any(any), _) => any.iter().any(|one| one.covers(other)),
            (_, Node::All(all)) => all.iter().any(|one| self.covers(one)),
            (Node::Is(wide, _), Node::Is(narrow, _)) => wide.covers(narrow),
            (Node::Not(wide), Node::Not(narrow)) => narrow.covers(wide),
            (Node::Is(..), Node::Not(_)) | (Node::Not(_), Node::Is(..)) => false,
        }
    }
}

impl Criterion {
    fn covers(&self, other: &Criterion) -> bool {
        match (self, other) {
            (Criterion::Method(a), Criterion::Method(b)) => a == b,
            (Criterion::Path(a), Criterion::Path(b)) => a.covers(b),
            (Criterion::PathRegex(a), Criterion::Path(b)) => {
                b.literal().is_some_and(|path| a.regex.is_match(path))
            }
            (Criterion::PathRegex(a), Criterion::PathRegex(b)) => {
                a.regex.as_str() == b.regex.as_str()
            }
            (Criterion::Field(place, name, a), Criterion::Field(other, same_name, b)) => {
                place == other && name.eq_ignore_ascii_case(same_name) && a.covers(b)
            }
            (Criterion::Captured(a, _, kind), Criterion::Captured(b, _, other)) => {
                a == b && kind.name() == other.name()
            }
            (Criterion::Field(place, name, a), Criterion::Fields(other, fields)) => {
                let same = |(other, _): &&(String, Pattern)| name == other;
                place == other && fields.iter().find(same).is_some_and(|(_, b)| a.covers(b))
            }
            (Criterion::Fields(..), Criterion::Fields(..))
            | (Criterion::Part(_), Criterion::Part(_)) => self.to_string() == other.to_string(),
            (Criterion::Host(a), Criterion::Host(b)) | (Criterion::Text(a), Criterion::Text(b)) => {
                a.covers(b)
            }
            (Criterion::Body(a), Criterion::Body(b)) => a == b,
            (Criterion::Json { pattern: a, .. }, Criterion::Json { pattern: b, .. }) => a.covers(b),
            (Criterion::Custom(a), Criterion::Custom(b)) => a.to_string() == b.to_string(),
            _ => false,
        }
    }
}

impl Pattern {
    pub(super) fn covers(&self, other: &Pattern) -> bool {
        match (&*self.0, &*other.0) {
            (_, Shape::OneOf(any)) => any.iter().all(|one| self.covers(one)),
            (Shape::OneOf(any), _) => any.iter().any(|one| one.covers(other)),
            (Shape::Present, Shape::Absent | Shape::Test(..)) => false,
            (Shape::Present, _) | (Shape::Absent, Shape::Absent) => true,
            (Shape::Value(a), Shape::Value(b)) => same(a, b),
            (Shape::Glob(a), Shape::Glob(b)) => a == b,
            (Shape::Not(a), Shape::Not(b)) => b.covers(a),
            (Shape::Regex(a), Shape::Regex(b)) => a.as_str() == b.as_str(),
            (Shape::Range(a, b), Shape::Range(c, d)) => a == c && b == d,
            (Shape::Glob(_) | Shape::Regex(_), Shape::Value(Value::String(text))) => {
                self.matches_text(Some(text))
            }
            (
                Shape::Range(..) | Shape::Object { .. } | Shape::Array(_) | Shape::AnyOrder { .. },
                Shape::Value(value),
            ) => self.matches(Some(value)),
            (
                Shape::Object {
                    members,
                    exact: false,
                },
                Shape::Object {
                    members: others, ..
                },
            ) => members.iter().all(|(key, wide)| {
                let narrow = others.iter().find(|(name, _)| name == key);
                narrow.is_some_and(|(_, narrow)| wide.covers(narrow))
            }),
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn covers(wide: impl Into<Filter>, narrow: impl Into<Filter>) -> bool {
        wide.into().covers(&narrow.into())
    }

    #[test]
    fn wide_filters_cover_narrow_ones() {
        for (wide, narrow) in [
            ("any", "get /"),
            ("get", "get /a"),
            ("/a", "get /a?q=1"),
            ("/users/{id}", "/users/7"),
            ("/users/*", "get /users/{id: u64}"),
            ("/files/**", "/files/{a}/{b}"),
            ("/a?q=*", "/a?q=1"),
        ] {
            assert!(covers(wide, narrow), "{wide} covers {narrow}");
            assert!(!covers(narrow, wide), "{narrow} does not cover {wide}");
        }
        assert!(covers("get /a", "get /a"));
        assert!(!covers("get /a", "post /a"));
        assert!(!covers("/users/{id: u64}", "/users/{id}"));
    }

    #[test]
    fn json_patterns_cover_what_says_more() {
        let json = |value: serde_json::Value| Filter::json(Pattern::value(&value));
        let partial = Filter::json(Pattern::object([("a", Pattern::present())]));
        assert!(covers(&partial, json(json!({"a": 1, "b": 2}))));
        assert!(!covers(&partial, json(json!({"b": 2}))));
        assert!(!covers(json(json!({"a": 1})), &partial));
        assert!(covers(
            Filter::path("/a") | Filter::path("/b"),
            Filter::path("/b") & partial
        ));
        let test = Filter::test("|_| true", |_| true);
        assert!(!covers(&test, &test));
    }
}
