//! Whether criteria contradict each other, so that no request can ever fit them all.
//!
//! A careful guess, as in [`covers`](super::covers): `true` is certain, `false` says nothing.

use serde_json::Value;

use crate::criteria::{
    Criterion, Filter, Node,
    pattern::{Pattern, Shape},
};

impl Filter {
    /// Two criteria of which a request can only meet one.
    pub(crate) fn contradiction(&self) -> Option<(String, String)> {
        match self.tree() {
            Node::Is(..) | Node::Not(_) => None,
            Node::Any(any) => {
                let mut all = any.iter().map(Filter::contradiction);
                let first = all.next()?;
                let all = all.try_fold((), |(), one| one.map(drop));
                all.and(first)
            }
            Node::All(all) => {
                let inner = all.iter().find_map(Filter::contradiction);
                let pairs = all.iter().enumerate().find_map(|(at, one)| {
                    let other = all[..at].iter().find(|other| one.excludes(other))?;
                    Some((other.to_string(), one.to_string()))
                });
                inner.or(pairs)
            }
        }
    }

    /// Whether certainly no request fits both.
    fn excludes(&self, other: &Filter) -> bool {
        match (self.tree(), other.tree()) {
            (Node::All(all), _) => all.iter().any(|one| one.excludes(other)),
            (_, Node::All(all)) => all.iter().any(|one| self.excludes(one)),
            (Node::Any(any), _) => !any.is_empty() && any.iter().all(|one| one.excludes(other)),
            (_, Node::Any(any)) => !any.is_empty() && any.iter().all(|one| self.excludes(one)),
            (Node::Not(not), _) => not.covers(other),
            (_, Node::Not(not)) => not.covers(self),
            (Node::Is(a, _), Node::Is(b, _)) => a.excludes(b),
        }
    }
}

impl Criterion {
    fn excludes(&self, other: &Criterion) -> bool {
        match (self, other) {
            (Criterion::Path(a), Criterion::Path(b)) => a.excludes(b),
            (Criterion::Body(a), Criterion::Body(b)) => a != b,
            (Criterion::Field(place, name, a), Criterion::Field(other, same, b)) => {
                // Of several values each may fit one of the two; none at all is another thing.
                let absent = |pattern: &Pattern| matches!(*pattern.0, Shape::Absent);
                place == other && name == same && (absent(a) || absent(b)) && a.excludes(b)
            }
            _ => {
                let others = other.single_facts();
                self.single_facts().iter().any(|(what, a)| {
                    let same = others.iter().filter(|(other, _)| what == other);
                    same.into_iter().any(|(_, b)| a.excludes(b))
                })
            }
        }
    }

    /// What a request has just one of.
    fn single_facts(&self) -> Vec<(&'static str, Pattern)> {
        match self {
            Criterion::Method(name) => vec![("method", Pattern::value(name))],
            Criterion::Host(pattern) => vec![("host", pattern.clone())],
            Criterion::Text(pattern) => vec![("text", pattern.clone())],
            Criterion::Custom(matcher) => matcher.single_facts(),
            _ => Vec::new(),
        }
    }
}

impl Pattern {
    /// Whether certainly no text, nor its absence, fits both.
    fn excludes(&self, other: &Pattern) -> bool {
        match (&*self.0, &*other.0) {
            (Shape::OneOf(any), _) => any.iter().all(|one| one.excludes(other)),
            (_, Shape::OneOf(any)) => any.iter().all(|one| self.excludes(one)),
            (Shape::Absent, _) => !other.matches_text(None),
            (_, Shape::Absent) => !self.matches_text(None),
            (Shape::Test(..), _) | (_, Shape::Test(..)) => false,
            (Shape::Not(not), _) => not.covers(other),
            (_, Shape::Not(not)) => not.covers(self),
            (Shape::Value(Value::String(text)), _) => !other.matches_text(Some(text)),
            (_, Shape::Value(Value::String(text))) => !self.matches_text(Some(text)),
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contradictions_are_found_and_nothing_else_is() {
        let of = |text: &str| Filter::parse(text).expect("a filter");
        let query = |pattern: Pattern| Filter::query("q", pattern);
        for filter in [
            of("get") & of("post"),
            of("get /a") & of("/b"),
            of("/a/{x}") & of("/b/{y}"),
            of("/a") - of("/a"),
            (of("get") | of("post")) & of("put /x"),
            (of("get /a") & of("post")) | (of("/a") & of("/b")),
            Filter::host("a.example") & Filter::host("*.local"),
            query(Pattern::absent()) & query("x".into()),
            Filter::text("a") & Filter::text(!Pattern::from("a")),
        ] {
            assert!(filter.contradiction().is_some(), "{filter}");
        }
        for filter in [
            of("get") & of("/a"),
            of("/a/{x}") & of("/{y}/b"),
            (of("get") | of("post")) & of("get"),
            of("/a/**") - of("/a/b"),
            query("x".into()) & query("y".into()),
            Filter::host("a.*") & Filter::host("*.local"),
            (of("get /a") & of("post")) | of("/a"),
            Filter::any() & of("get"),
        ] {
            assert_eq!(filter.contradiction(), None, "{filter}");
        }
        let told = (of("get /a") & of("post")).contradiction();
        assert_eq!(told, Some(("GET".to_owned(), "POST".to_owned())));
    }
}
