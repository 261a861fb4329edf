//! Filters as text, and why a request does not fit one.

use std::fmt;

use crate::{
    criteria::{Criterion, Filter, Node, Place},
    location::Location,
    request::Request,
};

/// What one criterion says of one request.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Finding {
    /// The criterion as the user wrote it, more or less.
    pub(crate) criterion: String,
    pub(crate) holds: bool,
    /// What the request has there, when it does not hold.
    pub(crate) got: Option<String>,
    /// What might help: `1 letter off`.
    pub(crate) hint: Option<String>,
    /// Where the criterion was written.
    pub(crate) location: Location,
    /// How far off the request is: 0 when it holds.
    pub(crate) distance: usize,
}

impl Filter {
    /// What each criterion says of a request, in order. A disjunction is explained by its nearest branch.
    pub(crate) fn explain(&self, request: &Request) -> Vec<Finding> {
        match self.tree() {
            Node::Is(criterion, location) => vec![criterion.explain(request, *location)],
            Node::All(filters) => filters
                .iter()
                .flat_map(|one| one.explain(request))
                .collect(),
            Node::Any(filters) => filters
                .iter()
                .map(|one| one.explain(request))
                .min_by_key(|findings| distance(findings))
                .unwrap_or_default(),
            Node::Not(filter) => {
                let holds = !filter.matches(request);
                let location = filter.first_location();
                vec![Finding {
                    criterion: self.to_string(),
                    holds,
                    got: None,
                    hint: None,
                    location,
                    distance: if holds { 0 } else { 10 },
                }]
            }
        }
    }

    fn first_location(&self) -> Location {
        match self.tree() {
            Node::Is(_, location) => *location,
            Node::All(filters) | Node::Any(filters) => filters
                .first()
                .map_or_else(Location::caller, Filter::first_location),
            Node::Not(filter) => filter.first_location(),
        }
    }
}

/// How far a request is off in all.
pub(crate) fn distance(findings: &[Finding]) -> usize {
    findings.iter().map(|finding| finding.distance).sum()
}

impl Criterion {
    fn explain(&self, request: &Request, location: Location) -> Finding {
        let holds = self.holds(request, &mut Vec::new());
        let (got, hint, distance) = if holds {
            (None, None, 0)
        } else {
            self.difference(request)
        };
        Finding {
            criterion: self.to_string(),
            holds,
            got,
            hint,
            location,
            distance,
        }
    }

    fn difference(&self, request: &Request) -> (Option<String>, Option<String>, usize) {
        let quoted = |text: &str| Some(format!("{text:?}"));
        match self {
            Criterion::Method(_) => (Some(request.method().to_string()), None, 10),
            Criterion::Path(template) => {
                let (want, got) = (template.as_str(), request.url_path());
                let letters = edit_distance(want, got);
                let near = template.literal().is_some() && letters <= 1 + want.len() / 5;
                let hint = near.then(|| match letters {
                    1 => "1 letter off".to_owned(),
                    n => format!("{n} letters off"),
                });
                (
                    quoted(got),
                    hint,
                    if near {
                        2 + letters
                    } else {
                        20 + letters.min(20)
                    },
                )
            }
            Criterion::PathRegex(_) => (quoted(request.url_path()), None, 20),
            Criterion::Field(place, name, _) => {
                let values = place.values(request, name);
                let hint = values
                    .is_empty()
                    .then(|| place.nearest(request, name))
                    .flatten();
                (Some(shown_values(&values)), hint, 5)
            }
            Criterion::Host(_) => (request.host().and_then(quoted), None, 8),
            Criterion::From(_) => (request.peer().map(|peer| peer.ip().to_string()), None, 8),
            Criterion::Body(_) | Criterion::Text(_) => (Some(shown_body(request)), None, 5),
            Criterion::Json { pattern, .. } => match request.json_body() {
                None => (Some(format!("no JSON: {}", shown_body(request))), None, 6),
                Some(json) => match pattern.mismatch(Some(json), "") {
                    Some(found) => {
                        let got = found
                            .got
                            .map_or_else(|| "nothing".to_owned(), |got| cut(&got.to_string(), 60));
                        let place = if found.pointer.is_empty() {
                            "the whole".to_owned()
                        } else {
                            found.pointer
                        };
                        (
                            Some(format!("{got} at {place}")),
                            Some(format!("want {} there", found.want)),
                            4,
                        )
                    }
                    None => (None, None, 4),
                },
            },
            Criterion::Test(..) | Criterion::TestLater(..) => (None, None, 5),
            Criterion::Custom(matcher) => (Some(matcher.got(request)), None, 10),
        }
    }
}

impl Place {
    fn word(self) -> &'static str {
        match self {
            Place::Query => "query",
            Place::Header => "header",
            Place::Cookie => "cookie",
            Place::Form => "form",
        }
    }

    /// A name that the request does have and that looks like the wanted one.
    fn nearest(self, request: &Request, name: &str) -> Option<String> {
        let names: Vec<String> = match self {
            Place::Query => request
                .queries()
                .iter()
                .map(|(key, _)| key.clone())
                .collect(),
            Place::Form => request.forms().iter().map(|(key, _)| key.clone()).collect(),
            Place::Cookie => request.cookies().map(|(key, _)| key.to_owned()).collect(),
            Place::Header => request
                .headers()
                .keys()
                .map(|key| key.as_str().to_owned())
                .collect(),
        };
        let name = name.to_lowercase();
        names
            .into_iter()
            .map(|key| (edit_distance(&key.to_lowercase(), &name), key))
            .filter(|(letters, _)| *letters <= 1 + name.len() / 4)
            .min()
            .map(|(_, key)| format!("there is {key:?}"))
    }
}

fn shown_values(values: &[&str]) -> String {
    match values {
        [] => "nothing".to_owned(),
        [one] => format!("{one:?}"),
        many => format!("{many:?}"),
    }
}

fn shown_body(request: &Request) -> String {
    if request.body().is_empty() {
        return "an empty body".to_owned();
    }
    format!("{:?}", cut(&request.text(), 60))
}

/// A text cut to a number of characters, with a mark where it was.
pub(crate) fn cut(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_owned(),
    }
}

/// How many letters must be added, dropped or changed (Levenshtein).
pub(crate) fn edit_distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().take(256).collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().take(256).enumerate() {
        let mut diagonal = i;
        if let Some(first) = row.first_mut() {
            *first = i + 1;
        }
        for (j, y) in b.iter().enumerate() {
            let changed = diagonal + usize::from(x != *y);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row.last().copied().unwrap_or_default()
}

impl fmt::Display for Criterion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Criterion::Method(name) => f.write_str(name),
            Criterion::Path(template) => write!(f, "path \"{template}\""),
            Criterion::PathRegex(regex) => {
                let whole = regex.as_str();
                write!(f, "path ~\"{}\"", &whole[4..whole.len() - 2])
            }
            Criterion::Field(place, name, pattern) => {
                write!(f, "{} {name:?}: {pattern}", place.word())
            }
            Criterion::Host(pattern) => write!(f, "host {pattern}"),
            Criterion::From(network) => write!(f, "from {network}"),
            Criterion::Body(body) => {
                write!(f, "body {:?}", cut(&String::from_utf8_lossy(body), 60))
            }
            Criterion::Text(pattern) => write!(f, "text {pattern}"),
            Criterion::Json { pattern, exact } => {
                write!(f, "json{} {pattern}", if *exact { " ==" } else { "" })
            }
            Criterion::Test(text, _) | Criterion::TestLater(text, _) => write!(f, "where {text}"),
            Criterion::Custom(matcher) => matcher.fmt(f),
        }
    }
}

impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fn join(f: &mut fmt::Formatter<'_>, filters: &[Filter], by: &str) -> fmt::Result {
            for (n, one) in filters.iter().enumerate() {
                if n > 0 {
                    f.write_str(by)?;
                }
                match one.tree() {
                    Node::Any(inner) if inner.len() > 1 => write!(f, "({one})")?,
                    // A path after a method reads as in a request line.
                    Node::Is(Criterion::Path(template), _) => write!(f, "\"{template}\"")?,
                    _ => write!(f, "{one}")?,
                }
            }
            Ok(())
        }
        match self.tree() {
            Node::Is(Criterion::Path(template), _) => write!(f, "\"{template}\""),
            Node::Is(criterion, _) => criterion.fmt(f),
            Node::All(filters) if filters.is_empty() => f.write_str("any request"),
            Node::All(filters) => join(f, filters, " "),
            Node::Any(filters) => join(f, filters, " | "),
            Node::Not(filter) => match filter.tree() {
                Node::Is(..) => write!(f, "!{filter}"),
                _ => write!(f, "!({filter})"),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::edit_distance;

    #[test]
    fn edit_distances() {
        assert_eq!(edit_distance("/hello", "/helo"), 1);
        assert_eq!(edit_distance("kitten", "sitting"), 3);
        assert_eq!(edit_distance("", "ab"), 2);
    }
}
