//! Why a request does not fit a filter: what each criterion says of it, and what might have been meant.
//!
//! Explaining must not disturb: the test's own functions (`where …`) are not called again for a request that
//! has just been refused. What they said is inferred where it can be, and left open elsewhere.

use std::panic::{AssertUnwindSafe, catch_unwind};

use kmock_notation::distance as edit_distance;

use crate::{
    backend::Dialect,
    brief::cut,
    criteria::{
        Criterion, Difference, Filter, Finding, Nearness, Node, PathTemplate, Pattern, Place, Role,
        Verdict,
        finding::{FAR, ODD},
    },
    location::Location,
    request::{Part, Request},
};

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

impl Filter {
    /// What each criterion says of a request that does not fit, in order. A disjunction is explained by its
    /// nearest branch.
    pub(crate) fn explain(&self, request: &Request, ask: Ask) -> Vec<Finding> {
        let mut captured = Vec::new();
        self.captured(request, &mut captured);
        let mut findings = self.findings(request, ask, &captured);
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

    /// What the paths capture, for the functions beside them.
    fn captured(&self, request: &Request, all: &mut Vec<(String, String)>) {
        match self.tree() {
            Node::Is(
                criterion
                @ (Criterion::Path(_) | Criterion::PathRegex(_) | Criterion::Captured(..)),
                _,
            ) => {
                criterion.holds(request, all);
            }
            Node::All(filters) => filters.iter().for_each(|one| one.captured(request, all)),
            _ => {}
        }
    }

    fn findings(&self, request: &Request, ask: Ask, captured: &[(String, String)]) -> Vec<Finding> {
        match self.tree() {
            Node::Is(criterion, location) => {
                vec![criterion.explain(request, *location, ask, captured)]
            }
            Node::All(filters) => filters
                .iter()
                .flat_map(|one| one.findings(request, ask, captured))
                .collect(),
            Node::Any(filters) => filters
                .iter()
                .map(|one| one.findings(request, ask, captured))
                .min_by_key(|findings| Nearness::of(findings))
                .unwrap_or_default(),
            Node::Not(filter) => {
                let verdict = match ask {
                    _ if !request.is_whole() && filter.asks_body() => Verdict::Unknown,
                    Ask::Never if filter.asks_functions() => Verdict::Unknown,
                    _ if filter.holds(request, &mut captured.to_vec()) => Verdict::Fails,
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
            Node::Is(Criterion::Custom(matcher), _) => matcher.dialect(),
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

impl Criterion {
    fn explain(
        &self,
        request: &Request,
        location: Location,
        ask: Ask,
        captured: &[(String, String)],
    ) -> Finding {
        let verdict = match self {
            Criterion::TestLater(..) => Verdict::Unknown,
            Criterion::Test(..) if ask == Ask::Never => Verdict::Unknown,
            _ if !request.is_whole() && self.asks_body() => Verdict::Unknown,
            _ => {
                // Functions inside of patterns may panic.
                let holds = || self.holds(request, &mut captured.to_vec());
                match catch_unwind(AssertUnwindSafe(holds)) {
                    Ok(true) => Verdict::Holds,
                    Ok(false) | Err(_) => Verdict::Fails,
                }
            }
        };
        let mut finding = Finding::new(self.to_string(), verdict, location);
        finding.role = self.role();
        if let Some(about) = self.about() {
            finding.about = about;
        }
        if verdict == Verdict::Unknown
            && let Some(came) = request.progress()
        {
            finding.got = Some(format!("a body that is not whole: {came}"));
        }
        if verdict == Verdict::Fails {
            let _ = catch_unwind(AssertUnwindSafe(|| self.differ(request, &mut finding)));
        }
        finding
    }

    /// What it is about, where that is less than all that it says.
    fn about(&self) -> Option<String> {
        Some(match self {
            Criterion::Method(_) => "the method".to_owned(),
            Criterion::Path(_) | Criterion::PathRegex(_) => "the path".to_owned(),
            Criterion::Field(place, name, _) => format!("{} {name:?}", place.word()),
            Criterion::Captured(name, ..) => format!("query {name:?}"),
            Criterion::Fields(place, _) => format!("what is in the {}", place.word()),
            Criterion::Part(_) => "the parts of the body".to_owned(),
            Criterion::Host(_) => "the host".to_owned(),
            Criterion::Body(_) | Criterion::BodyRegex(_) => "the body".to_owned(),
            Criterion::Text(_) => "the text".to_owned(),
            Criterion::Json { .. } => "json".to_owned(),
            _ => return None,
        })
    }

    pub(super) fn role(&self) -> Role {
        match self {
            Criterion::Method(_) => Role::Method,
            Criterion::Path(_) | Criterion::PathRegex(_) => Role::Path,
            Criterion::Custom(matcher) => matcher.role(),
            _ => Role::Other,
        }
    }

    /// Says what the request has instead.
    fn differ(&self, request: &Request, finding: &mut Finding) {
        let quoted = |text: &str| format!("{text:?}");
        let (got, hint, distance) = match self {
            Criterion::Method(wanted) => {
                let head = wanted == "GET" && request.method() == http::Method::HEAD;
                let hint = head.then(|| "`GET | HEAD` answers both".to_owned());
                (Some(request.method().to_string()), hint, 10)
            }
            Criterion::Path(template) => {
                let (hint, distance) = path_hint(template, request.meant_path());
                (Some(quoted(request.url_path())), hint, distance)
            }
            Criterion::PathRegex(regex) => {
                let mut segments = request.meant_path().trim_start_matches('/').split('/');
                let alike = regex.literal_segments().next() == segments.next();
                (
                    Some(quoted(request.url_path())),
                    None,
                    if alike { 14 } else { FAR },
                )
            }
            Criterion::Captured(parameter, _, kind) => {
                let hint = match Place::Query.values(request, parameter).as_slice() {
                    [] => Place::Query.nearest(request, parameter),
                    [only] => Some(format!("{only:?} is no {}", kind.name())),
                    _ => None,
                };
                (Some(Place::Query.shown(request, parameter)), hint, 4)
            }
            Criterion::Field(place, name, _) => {
                let absent = place.values(request, name).is_empty();
                let hint = absent.then(|| place.nearest(request, name)).flatten();
                let distance = if hint.is_some() { 3 } else { 5 };
                let others = || absent.then(|| place.others(request)).flatten();
                let hint = hint.or_else(others);
                (Some(place.shown(request, name)), hint, distance)
            }
            Criterion::Fields(place, fields) => {
                let found = field_differences(*place, fields, request);
                let distance = 3 + found.len().min(4);
                finding.differences = found;
                let none = place.names(request).is_empty();
                (
                    none.then(|| "nothing".to_owned()),
                    place.why_none(request),
                    distance,
                )
            }
            Criterion::Part(part) => {
                let parts = request.parts();
                let likely: Vec<&Part> =
                    parts.iter().filter(|one| part.is_named_like(one)).collect();
                if let [only] = likely.as_slice() {
                    finding.differences = part
                        .misses(only)
                        .into_iter()
                        .map(|(word, want, got)| Difference {
                            pointer: word.to_owned(),
                            want,
                            got,
                            hint: None,
                        })
                        .collect();
                    (None, None, 4)
                } else {
                    let hint = parts.is_empty().then(|| Place::Form.why_none(request));
                    (Some(shown_parts(parts)), hint.flatten(), 5)
                }
            }
            Criterion::Host(_) => (request.host().map(quoted), None, 8),
            Criterion::From(_) => (request.peer().map(|peer| peer.ip().to_string()), None, 8),
            Criterion::Body(_) | Criterion::BodyRegex(_) | Criterion::Text(_) => {
                let odd = request.odd_content().map(str::to_owned);
                (Some(shown_body(request)), odd, 5)
            }
            Criterion::Json { pattern, .. } => match request.exact_json() {
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
            Criterion::State(state, _) => (Some(quoted(&state.get())), None, 5),
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

/// What is odd about a path, and how far off it is: [`FAR`] or more when it is another one.
fn path_hint(want: &PathTemplate, got: &str) -> (Option<String>, usize) {
    let wanted = want.pieces();
    let text = format!("/{}", wanted.join("/"));
    let text = text.as_str();
    let hint = |text: &str, distance: usize| (Some(text.to_owned()), distance);
    if got.strip_suffix('/') == Some(text) {
        return hint("a slash too many at its end", ODD);
    }
    if text.strip_suffix('/') == Some(got) {
        return hint("the slash at its end is missing", ODD);
    }
    if text.eq_ignore_ascii_case(got) {
        return hint("upper and lower case differ", ODD);
    }
    if got.contains("//") && squeezed(got) == text {
        return hint("a doubled slash", ODD);
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
    let came: Vec<&str> = got.trim_start_matches('/').split('/').collect();
    let open = wanted.last().is_some_and(|last| last.contains("**"));
    if wanted.len() != came.len() && !open {
        let letters = edit_distance(text, got);
        if want.literal().is_some() {
            return match letters <= 1 + text.len() / 5 {
                true => (Some(letters_off(letters)), 2 + letters),
                false => (None, FAR + letters.min(20)),
            };
        }
        let hint = format!("{} segments, want {}", came.len(), wanted.len());
        let begins = want.segment_fits(0, came[0]) && !wanted[0].starts_with('{');
        let distance = if begins { 14 } else { FAR };
        return (Some(hint), distance + letters.min(5));
    }
    // The segments that do not fit by themselves.
    let mut odd = wanted
        .iter()
        .zip(&came)
        .zip(0..)
        .filter(|((_, got), at)| !want.segment_fits(*at, got));
    let (Some(((want_here, got_here), at)), more) = (odd.next(), odd.next()) else {
        return (None, FAR);
    };
    if more.is_some() {
        let letters = edit_distance(text, got);
        return match letters <= 1 + text.len() / 5 && !is_id(want_here) {
            true => (Some(letters_off(letters)), 2 + letters),
            false => (None, FAR + letters.min(20)),
        };
    }
    if let Some(kind) = want.type_at(at) {
        return (Some(format!("{got_here:?} is no {kind}")), 4);
    }
    if is_id(want_here) || is_id(got_here) {
        // Another thing of the same kind, if anything says of which.
        return (None, if wanted.len() > 1 { 12 } else { FAR });
    }
    let letters = edit_distance(want_here, got_here);
    let short = want_here.len().min(got_here.len()) < 3;
    match letters <= 1 + want_here.len() / 4 && !short {
        true if want.literal().is_some() => (Some(letters_off(letters)), 2 + letters),
        true => {
            let hint = format!("{got_here:?}: {}", letters_off(letters));
            (Some(hint), 2 + letters)
        }
        false => (None, FAR + letters.min(20)),
    }
}

/// Whether a segment names one thing of many, as numbers do: other letters are another thing, and no slip.
fn is_id(segment: &str) -> bool {
    segment.contains(|c: char| c.is_ascii_digit())
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
    if let Some(odd) = request.odd_content() {
        return Some(odd.to_owned());
    }
    let text = std::str::from_utf8(request.json_text()).ok()?;
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

    /// A name that the request does have and that looks like the wanted one, or why there are no names.
    fn nearest(self, request: &Request, name: &str) -> Option<String> {
        let found = similar(name, self.names(request).into_iter());
        found
            .map(|key| format!("there is {key:?}"))
            .or_else(|| self.why_none(request))
    }

    /// The names that there are, but for the headers that clients send by themselves.
    fn others(self, request: &Request) -> Option<String> {
        const MOST: usize = 5;
        const OF_CLIENTS: &[&str] = &[
            "host",
            "accept",
            "accept-encoding",
            "connection",
            "content-length",
            "transfer-encoding",
            "user-agent",
        ];
        let mut names: Vec<&str> = self.names(request);
        names.retain(|name| self != Place::Header || !OF_CLIENTS.contains(name));
        names.sort_unstable();
        names.dedup();
        let shown: Vec<String> = names
            .iter()
            .take(MOST)
            .map(|name| format!("{name:?}"))
            .collect();
        let more = if names.len() > MOST { ", …" } else { "" };
        match shown.as_slice() {
            [] => None,
            [one] => Some(format!("there is {one}")),
            many => Some(format!("there are {}{more}", many.join(", "))),
        }
    }

    /// Why a body is no form.
    fn why_none(self, request: &Request) -> Option<String> {
        if self != Place::Form || request.body().is_empty() || !request.forms().is_empty() {
            return None;
        }
        if let Some(odd) = request.odd_content() {
            return Some(odd.to_owned());
        }
        Some(match request.header("content-type") {
            None => "the body has no content type, so it is no form".to_owned(),
            Some(kind) => format!("the content type is {:?}, which is no form", cut(kind, 60)),
        })
    }

    /// The values of a name for people; bytes that are no UTF-8 as they came.
    fn shown(self, request: &Request, name: &str) -> String {
        let values = request.headers().get_all(name).into_iter();
        let raw: Vec<&[u8]> = values.map(|value| value.as_bytes()).collect();
        match self {
            Place::Header if raw.iter().any(|raw| std::str::from_utf8(raw).is_err()) => {
                let shown: Vec<_> = raw.iter().map(|raw| super::show::bytes(raw, 200)).collect();
                match shown.as_slice() {
                    [one] => one.clone(),
                    many => format!("[{}]", many.join(", ")),
                }
            }
            _ => shown_values(&self.values(request, name)),
        }
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

/// Which names do not have what they should, and which should not be there.
fn field_differences(
    place: Place,
    fields: &[(String, Pattern)],
    request: &Request,
) -> Vec<Difference> {
    let mut found = Vec::new();
    let mut differ = |name: &str, want: String, hint| {
        found.push(Difference {
            pointer: name.to_owned(),
            want,
            got: place.shown(request, name),
            hint,
        });
    };
    for (name, pattern) in fields {
        let values = place.values(request, name);
        if !pattern.matches_texts(&values) {
            let hint = values.is_empty().then(|| place.nearest(request, name));
            differ(name, pattern.to_string(), hint.flatten());
        }
    }
    let mut known: Vec<&str> = fields.iter().map(|(name, _)| name.as_str()).collect();
    for name in place.names(request) {
        if !known.iter().any(|known| place.is(known, name)) {
            known.push(name);
            differ(name, "nothing".to_owned(), None);
        }
    }
    found.truncate(DIFFERENCES);
    found
}

/// The parts of a body for people.
fn shown_parts(parts: &[Part]) -> String {
    let named = |part: &Part| {
        let name = format!("{:?}", part.name().unwrap_or_default());
        match part.filename() {
            Some(file) => format!("{name} ({file:?})"),
            None => name,
        }
    };
    match parts {
        [] => "no parts".to_owned(),
        some => cut(&some.iter().map(named).collect::<Vec<_>>().join(", "), 200),
    }
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
    super::show::bytes(request.decoded_body(), 60)
}

#[cfg(test)]
mod tests {
    use super::*;

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
        // A letter is all of such a segment, and a number names another thing.
        assert_eq!(hint("/n", "/x"), "");
        assert_eq!(hint("/users/1", "/users/2"), "");
    }
}
