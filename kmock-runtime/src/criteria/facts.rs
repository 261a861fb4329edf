//! What every request that a filter takes must have: what the index of rules goes by.
//!
//! Facts are necessary, not sufficient: a rule that the index finds by its facts is still asked. So whatever is not as plain
//! as an equality is left out.

use serde_json::Value;

use crate::{
    criteria::{Criterion, Filter, Node, Place, pattern::Shape},
    request::Request,
};

/// What a filter demands of a request, as far as it can be looked up.
#[derive(Debug, Default)]
pub(crate) struct Facts<'a> {
    pub(crate) method: Option<&'a str>,
    pub(crate) path: PathFact<'a>,
    /// Texts that the path has somewhere.
    pub(crate) pieces: Vec<&'a [u8]>,
    /// Sorted, and none twice.
    pub(crate) fields: Vec<(Field, Equals<'a>)>,
}

/// What the path must be.
#[derive(Debug, Default)]
pub(crate) enum PathFact<'a> {
    #[default]
    Anything,
    /// Some of its segments, by their places.
    Segments(Vec<(usize, &'a str)>),
    Whole(&'a str),
}

/// A named text of a request; without a place it is the host.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Field {
    place: Option<Place>,
    name: String,
    /// Whether it is compared as a number.
    number: bool,
}

/// What a field must be equal to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Equals<'a> {
    Text(&'a str),
    Number(f64),
}

impl Criterion {
    /// Whether it asks for more than the head.
    pub(super) fn asks_body(&self) -> bool {
        match self {
            Criterion::Field(place, ..) | Criterion::Fields(place, _) => *place == Place::Form,
            Criterion::Part(_)
            | Criterion::Body(_)
            | Criterion::BodyRegex(_)
            | Criterion::Text(_)
            | Criterion::Json { .. }
            | Criterion::Test(..)
            | Criterion::TestLater(..) => true,
            Criterion::Custom(matcher) => matcher.asks_body(),
            Criterion::Method(_)
            | Criterion::Path(_)
            | Criterion::PathRegex(_)
            | Criterion::Captured(..)
            | Criterion::Host(_)
            | Criterion::State(..)
            | Criterion::From(_) => false,
        }
    }
}

impl Filter {
    /// Whether it asks for more than the head: then it cannot be asked before the body has come. Functions may look at it.
    pub(crate) fn asks_body(&self) -> bool {
        match self.tree() {
            Node::Is(criterion, _) => criterion.asks_body(),
            Node::All(all) | Node::Any(all) => all.iter().any(Filter::asks_body),
            Node::Not(filter) => filter.asks_body(),
        }
    }

    /// What every request that fits must have.
    pub(crate) fn facts(&self) -> Facts<'_> {
        let mut facts = Facts::default();
        facts.demand(self);
        facts.fields.sort_by(|(a, _), (b, _)| a.cmp(b));
        facts.fields.dedup_by(|(a, _), (b, _)| a == b);
        facts
    }

    /// Whether a path is named somewhere in it, and is that of a request.
    pub(crate) fn names_path(&self, request: &Request) -> bool {
        match self.tree() {
            Node::All(filters) | Node::Any(filters) => {
                filters.iter().any(|one| one.names_path(request))
            }
            Node::Is(Criterion::Path(_) | Criterion::PathRegex(_), _) => self.matches(request),
            Node::Is(..) | Node::Not(_) => false,
        }
    }

    /// Whether a method is named somewhere in it.
    pub(crate) fn names_method(&self, method: &str) -> bool {
        match self.tree() {
            Node::All(filters) | Node::Any(filters) => {
                filters.iter().any(|one| one.names_method(method))
            }
            Node::Is(Criterion::Method(name), _) => name == method,
            Node::Is(..) | Node::Not(_) => false,
        }
    }
}

impl<'a> Facts<'a> {
    fn demand(&mut self, filter: &'a Filter) {
        match filter.tree() {
            Node::All(filters) => filters.iter().for_each(|one| self.demand(one)),
            Node::Any(filters) if filters.len() == 1 => {
                filters.iter().for_each(|one| self.demand(one));
            }
            Node::Any(_) | Node::Not(_) => {}
            Node::Is(criterion, _) => self.criterion(criterion),
        }
    }

    fn criterion(&mut self, criterion: &'a Criterion) {
        match criterion {
            Criterion::Method(name) => self.method = Some(name),
            Criterion::Path(template) => {
                self.path(template.literal(), template.literal_segments());
                self.pieces.extend(template.needed());
            }
            Criterion::PathRegex(regex) => {
                self.path(regex.literal(), regex.literal_segments().enumerate());
                self.pieces.extend(regex.needed());
            }
            Criterion::Field(place, name, pattern) => self.named(*place, name, &pattern.0),
            Criterion::Fields(place, fields) => {
                for (name, pattern) in fields {
                    self.named(*place, name, &pattern.0);
                }
            }
            Criterion::Host(pattern) => self.field(None, String::new(), &pattern.0),
            _ => {}
        }
    }

    /// The whole path, or segments of it with their places.
    fn path(&mut self, whole: Option<&'a str>, segments: impl Iterator<Item = (usize, &'a str)>) {
        match (whole, &self.path) {
            (Some(path), _) => self.path = PathFact::Whole(path),
            (None, PathFact::Anything) => {
                let segments: Vec<_> = segments.collect();
                if !segments.is_empty() {
                    self.path = PathFact::Segments(segments);
                }
            }
            (None, _) => {}
        }
    }

    fn named(&mut self, place: Place, name: &str, shape: &'a Shape) {
        let name = match place {
            Place::Header => name.to_ascii_lowercase(),
            _ => name.to_owned(),
        };
        self.field(Some(place), name, shape);
    }

    fn field(&mut self, place: Option<Place>, name: String, shape: &'a Shape) {
        let equals = match shape {
            Shape::Value(Value::String(text)) => Some(Equals::Text(text)),
            Shape::Value(Value::Number(number)) => number.as_f64().map(Equals::Number),
            _ => None,
        };
        if let Some(equals) = equals {
            let number = matches!(equals, Equals::Number(_));
            let field = Field {
                place,
                name,
                number,
            };
            self.fields.push((field, equals));
        }
    }
}

impl Field {
    /// What a request has there; any of it may be what a filter demands.
    pub(crate) fn values<'r>(&self, request: &'r Request) -> Vec<Equals<'r>> {
        let texts = match self.place {
            Some(place) => place.values(request, &self.name),
            None => request.host().into_iter().collect(),
        };
        let value = |text: &'r str| match self.number {
            false => Some(Equals::Text(text)),
            true => {
                let value: Value = serde_json::from_str(text).ok()?;
                value.as_f64().map(Equals::Number)
            }
        };
        texts.into_iter().filter_map(value).collect()
    }
}
