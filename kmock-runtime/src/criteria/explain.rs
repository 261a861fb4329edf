//! Why a request does not fit a filter: what each criterion says of it, and what might have been meant.
//!
//! Explaining must not disturb: the test's own functions (`where …`) are not called again for a request that
//! has just been refused. What they said is inferred where it can be, and left open elsewhere.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::{
    backend::Dialect,
    criteria::{Criterion, Filter, Node, PathTemplate, Place},
    location::Location,
    request::Request,
};

/// What one criterion says of one request.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// The criterion as the user wrote it, more or less.
    pub criterion: String,
    /// Whether it holds.
    pub verdict: Verdict,
    /// What the request has there, when it does not hold.
    pub got: Option<String>,
    /// What might help: `1 letter off`.
    pub hint: Option<String>,
    /// Where a JSON body differs, the first few places.
    pub differences: Vec<Difference>,
    /// Where the criterion was written.
    pub location: Location,
    /// How far off the request is: 0 when it holds.
    pub(crate) distance: usize,
}

/// Whether a criterion holds for a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It holds.
    Holds,
    /// It does not.
    Fails,
    /// Nobody knows afterwards: async functions, and several functions of which one said no.
    Unknown,
}

/// One place where a JSON body differs from what was wanted.
#[derive(Clone, Debug, PartialEq)]
pub struct Difference {
    /// The JSON pointer (RFC 6901); empty for the whole.
    pub pointer: String,
    /// What was wanted there.
    pub want: String,
    /// What is there.
    pub got: String,
    /// What might help: `there is "nmae"`.
    pub hint: Option<String>,
}

/// Whether the test's own functions may be called to explain.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ask {
    /// No: the request was refused just now, and functions may count their calls.
    Never,
    /// Yes: afterwards, as views do.
    Again,
}

/// How many differences of a JSON body are told.
const DIFFERENCES: usize = 8;

impl Finding {
    pub(crate) fn new(criterion: String, verdict: Verdict, location: Location) -> Finding {
        Finding {
            criterion,
            verdict,
            got: None,
            hint: None,
            differences: Vec::new(),
            location,
            distance: match verdict {
                Verdict::Holds => 0,
                Verdict::Unknown => 3,
                Verdict::Fails => 10,
            },
        }
    }
}

impl Filter {
    /// What each criterion says of a request that does not fit, in order. A disjunction is explained by its
    /// nearest branch.
    pub(crate) fn explain(&self, request: &Request, ask: Ask) -> Vec<Finding> {
        let mut findings = self.findings(request, ask);
        if ask == Ask::Never {
            // Somebody said no. If only one can have done so, it was that one.
            let mut open = findings
                .iter_mut()
                .filter(|finding| finding.verdict != Verdict::Holds);
            if let (Some(only), None) = (open.next(), open.next()) {
                only.verdict = Verdict::Fails;
            }
        }
        findings
    }

    fn findings(&self, request: &Request, ask: Ask) -> Vec<Finding> {
        match self.tree() {
            Node::Is(criterion, location) => vec![criterion.explain(request, *location, ask)],
            Node::All(filters) => filters
                .iter()
                .flat_map(|one| one.findings(request, ask))
                .collect(),
            Node::Any(filters) => filters
                .iter()
                .map(|one| one.findings(request, ask))
                .min_by_key(|findings| distance(findings))
                .unwrap_or_default(),
            Node::Not(filter) => {
                let verdict = match ask {
                    Ask::Never if filter.asks_functions() => Verdict::Unknown,
                    _ if filter.matches(request) => Verdict::Fails,
                    _ => Verdict::Holds,
                };
                let location = filter.first_location();
                vec![Finding::new(self.to_string(), verdict, location)]
            }
        }
    }

    fn asks_functions(&self) -> bool {
        match self.tree() {
            Node::Is(criterion, _) => {
                matches!(criterion, Criterion::Test(..) | Criterion::TestLater(..))
            }
            Node::All(filters) | Node::Any(filters) => filters.iter().any(Filter::asks_functions),
            Node::Not(filter) => filter.asks_functions(),
        }
    }

    /// The dialect that it is written in, beside HTTP's words: Kubernetes' verbs, resources and objects.
    pub(crate) fn dialect(&self) -> Option<&'static dyn Dialect> {
        match self.tree() {
            Node::Is(Criterion::Custom(matcher), _) => Some(matcher.dialect()),
            Node::Is(..) => None,
            Node::All(filters) | Node::Any(filters) => filters.iter().find_map(Filter::dialect),
            Node::Not(filter) => filter.dialect(),
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
    fn explain(&self, request: &Request, location: Location, ask: Ask) -> Finding {
        let verdict = match self {
            Criterion::TestLater(..) => Verdict::Unknown,
            Criterion::Test(..) if ask == Ask::Never => Verdict::Unknown,
            _ => {
                // Functions inside of patterns may panic.
                let holds = || self.holds(request, &mut Vec::new());
                match catch_unwind(AssertUnwindSafe(holds)) {
                    Ok(true) => Verdict::Holds,
                    Ok(false) | Err(_) => Verdict::Fails,
                }
            }
        };
        let mut finding = Finding::new(self.to_string(), verdict, location);
        if verdict == Verdict::Fails {
            let _ = catch_unwind(AssertUnwindSafe(|| self.differ(request, &mut finding)));
        }
        finding
    }

    /// Says what the request has instead.
    fn differ(&self, request: &Request, finding: &mut Finding) {
        let quoted = |text: &str| format!("{text:?}");
        let (got, hint, distance) = match self {
            Criterion::Method(_) => (Some(request.method().to_string()), None, 10),
            Criterion::Path(template) => {
                let got = request.url_path();
                let (hint, distance) = path_hint(template, got);
                (Some(quoted(got)), hint, distance)
            }
            Criterion::PathRegex(_) => (Some(quoted(request.url_path())), None, 20),
            Criterion::Field(place, name, _) => {
                let values = place.values(request, name);
                let hint = match values.as_slice() {
                    [] => place.nearest(request, name),
                    _ => None,
                };
                let distance = if hint.is_some() { 3 } else { 5 };
                (Some(shown_values(&values)), hint, distance)
            }
            Criterion::Host(_) => (request.host().map(quoted), None, 8),
            Criterion::From(_) => (request.peer().map(|peer| peer.ip().to_string()), None, 8),
            Criterion::Body(_) | Criterion::BodyRegex(_) | Criterion::Text(_) => {
                (Some(shown_body(request)), None, 5)
            }
            Criterion::Json { pattern, .. } => match request.json_body() {
                None => {
                    let hint = not_json(request);
                    (Some(format!("no JSON: {}", shown_body(request))), hint, 6)
                }
                Some(json) => {
                    let mut found = Vec::new();
                    pattern.differences(Some(json), "", &mut found, DIFFERENCES);
                    let distance = 3 + found.len().min(4);
                    finding.differences = found;
                    (None, None, distance)
                }
            },
            Criterion::Test(..) | Criterion::TestLater(..) => (None, None, 5),
            Criterion::Custom(matcher) => {
                let (hint, distance) = matcher.near(request);
                (Some(matcher.got(request)), hint, distance)
            }
        };
        finding.got = got;
        finding.hint = hint;
        finding.distance = distance;
    }
}

/// What is odd about a path, and how far off it is.
fn path_hint(want: &PathTemplate, got: &str) -> (Option<String>, usize) {
    let text = want.as_str();
    let hint = |text: &str, distance: usize| (Some(text.to_owned()), distance);
    if got.strip_suffix('/') == Some(text) {
        return hint("a slash too many at its end", 2);
    }
    if text.strip_suffix('/') == Some(got) {
        return hint("the slash at its end is missing", 2);
    }
    if text.eq_ignore_ascii_case(got) {
        return hint("upper and lower case differ", 2);
    }
    if got.contains("//") && squeezed(got) == text {
        return hint("a doubled slash", 2);
    }
    if text.len() > 1
        && let Some(more) = got.strip_suffix(text).filter(|more| !more.is_empty())
    {
        return (Some(format!("{more:?} too many before it")), 6);
    }
    if got.len() > 1
        && let Some(less) = text.strip_suffix(got).filter(|less| !less.is_empty())
    {
        return (Some(format!("{less:?} is missing before it")), 6);
    }
    if let Some(more) = got.strip_prefix(text).filter(|more| more.starts_with('/')) {
        return (Some(format!("{more:?} too many after it")), 6);
    }
    if let Some(less) = text.strip_prefix(got).filter(|less| less.starts_with('/')) {
        return (Some(format!("{less:?} is missing after it")), 6);
    }
    if want.literal().is_some() {
        let letters = edit_distance(text, got);
        return if letters <= 1 + text.len() / 5 {
            (Some(letters_off(letters)), 2 + letters)
        } else {
            (None, 20 + letters.min(20))
        };
    }
    let (wanted, came): (Vec<&str>, Vec<&str>) = (
        text.trim_start_matches('/').split('/').collect(),
        got.trim_start_matches('/').split('/').collect(),
    );
    let open = wanted.last().is_some_and(|last| last.contains("**"));
    if wanted.len() != came.len() && !open {
        let hint = format!("{} segments, want {}", came.len(), wanted.len());
        return (Some(hint), 20 + edit_distance(text, got).min(20));
    }
    // The first segment that does not fit by itself.
    let odd = wanted.iter().zip(&came).find(|(want, got)| {
        let alone = format!("/{want}").parse::<PathTemplate>();
        alone.is_ok_and(|alone| alone.captures(&format!("/{got}")).is_none())
    });
    match odd {
        Some((want, got)) => match want.trim_matches(['{', '}']).split_once(':') {
            Some((_, kind)) => (Some(format!("{got:?} is no {}", kind.trim())), 4),
            None => {
                let letters = edit_distance(want, got);
                if letters <= 1 + want.len() / 4 {
                    (
                        Some(format!("{got:?}: {}", letters_off(letters))),
                        2 + letters,
                    )
                } else {
                    (None, 20 + letters.min(20))
                }
            }
        },
        None => (None, 20),
    }
}

fn squeezed(path: &str) -> String {
    let mut out = String::with_capacity(path.len());
    for c in path.chars() {
        if c != '/' || !out.ends_with('/') {
            out.push(c);
        }
    }
    out
}

/// `1 letter off`.
pub(crate) fn letters_off(letters: usize) -> String {
    match letters {
        1 => "1 letter off".to_owned(),
        n => format!("{n} letters off"),
    }
}

fn not_json(request: &Request) -> Option<String> {
    let text = std::str::from_utf8(request.body()).ok()?;
    if text.trim().is_empty() {
        return None;
    }
    let error = serde_json::from_str::<serde_json::Value>(text).err()?;
    Some(error.to_string())
}

impl Place {
    pub(crate) fn word(self) -> &'static str {
        match self {
            Place::Query => "query",
            Place::Header => "header",
            Place::Cookie => "cookie",
            Place::Form => "form",
        }
    }

    /// A name that the request does have and that looks like the wanted one.
    fn nearest(self, request: &Request, name: &str) -> Option<String> {
        let owned = |pairs: &[(String, String)]| pairs.iter().map(|(key, _)| key.clone()).collect();
        let names: Vec<String> = match self {
            Place::Query => owned(request.queries()),
            Place::Form => owned(request.forms()),
            Place::Cookie => request.cookies().map(|(key, _)| key.to_owned()).collect(),
            Place::Header => request
                .headers()
                .keys()
                .map(|key| key.as_str().to_owned())
                .collect(),
        };
        similar(name, names.iter().map(String::as_str)).map(|key| format!("there is {key:?}"))
    }
}

/// The name that looks most like a wanted one, if any does.
pub(crate) fn similar<'a>(wanted: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let plain = |name: &str| name.to_lowercase().replace(['-', '_'], "");
    let want = plain(wanted);
    names
        .filter(|name| *name != wanted)
        .map(|name| (edit_distance(&plain(name), &want), name))
        .filter(|(letters, name)| {
            let plain = plain(name);
            let (short, long) = if plain.len() < want.len() {
                (&plain, &want)
            } else {
                (&want, &plain)
            };
            // `pass` and `password`
            let part = short.len() >= 3
                && (long.starts_with(short.as_str()) || long.ends_with(short.as_str()));
            part || *letters <= want.len().max(name.len()) / 3
        })
        .min()
        .map(|(_, name)| name)
}

fn shown_values(values: &[&str]) -> String {
    match values {
        [] => "nothing".to_owned(),
        [one] => format!("{:?}", cut(one, 200)),
        many => cut(&format!("{many:?}"), 200),
    }
}

fn shown_body(request: &Request) -> String {
    if request.body().is_empty() {
        return "an empty body".to_owned();
    }
    super::show::bytes(request.body(), 60)
}

/// A text cut to a number of characters, with a mark where it was.
pub(crate) fn cut(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_owned(),
    }
}

/// How many letters must be added, dropped, changed or swapped with their neighbour (Levenshtein with
/// transpositions, "optimal string alignment"); of long texts, the first 256 letters count.
pub(crate) fn edit_distance(a: &str, b: &str) -> usize {
    let letters = |text: &str| text.chars().take(256).collect::<Vec<char>>();
    let (a, b) = (letters(a), letters(b));
    let mut rows: [Vec<usize>; 3] = [Vec::new(), Vec::new(), (0..=b.len()).collect()];
    for (i, x) in a.iter().enumerate() {
        rows.rotate_left(1);
        let [before, above, row] = &mut rows;
        row.clear();
        row.push(i + 1);
        for (j, y) in b.iter().enumerate() {
            let changed = above[j] + usize::from(x != y);
            let mut least = changed.min(above[j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && a[i - 1] == *y && b[j - 1] == *x {
                least = least.min(before[j - 1] + 1);
            }
            row.push(least);
        }
    }
    rows[2].last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edit_distances() {
        assert_eq!(edit_distance("/hello", "/helo"), 1);
        assert_eq!(edit_distance("kitten", "sitting"), 3);
        assert_eq!(edit_distance("", "ab"), 2);
        assert_eq!(edit_distance("nmae", "name"), 1);
    }

    #[test]
    fn names_are_similar_whatever_their_case_and_dashes() {
        let names = ["accept", "x-request_id", "x-token"];
        assert_eq!(
            similar("X-Request-Id", names.into_iter()),
            Some("x-request_id")
        );
        assert_eq!(similar("x-tokn", names.into_iter()), Some("x-token"));
        assert_eq!(similar("authorization", names.into_iter()), None);
    }

    #[test]
    fn odd_paths_are_named() {
        let hint = |want: &str, got: &str| {
            let template = want.parse::<PathTemplate>().expect("a template");
            path_hint(&template, got).0.unwrap_or_default()
        };
        assert_eq!(hint("/hello", "/helo"), "1 letter off");
        assert_eq!(hint("/hello", "/hello/"), "a slash too many at its end");
        assert_eq!(hint("/hello/", "/hello"), "the slash at its end is missing");
        assert_eq!(hint("/hello", "/Hello"), "upper and lower case differ");
        assert_eq!(hint("/a/b", "//a//b"), "a doubled slash");
        assert_eq!(hint("/users", "/v1/users"), "\"/v1\" too many before it");
        assert_eq!(hint("/v1/users", "/users"), "\"/v1\" is missing before it");
        assert_eq!(hint("/users/{id: u64}", "/users/me"), "\"me\" is no u64");
        assert_eq!(hint("/users/{id}", "/user/7"), "\"user\": 1 letter off");
        assert_eq!(hint("/users/{id}", "/users/7/x"), "3 segments, want 2");
        assert_eq!(hint("/users", "/users/7"), "\"/7\" too many after it");
        assert_eq!(hint("/hello", "/completely/else"), "");
    }
}
