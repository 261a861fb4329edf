//! Path templates: `/exact`, `/users/{id}`, `/users/{id: u64}`, `/files/*`, `/files/**`; and expressions for whole paths.
//!
//! What they are compared with is the path as it is meant, in the form of [`canonical_path`]: `/caf%C3%A9` is `/café`.

use std::{
    borrow::Cow,
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    num::{NonZeroI32, NonZeroI64, NonZeroU8, NonZeroU16, NonZeroU32, NonZeroU64, NonZeroUsize},
    str::FromStr,
};

use kmock_notation::{Capture, Rest, canonical_path};
use regex::Regex;
use regex_syntax::hir::{Hir, HirKind, Look, literal};

use crate::criteria::{FilterError, glob::Glob, pattern::whole_regex};

/// A path template, compiled: one piece a segment.
#[derive(Clone, Debug)]
pub(crate) struct PathTemplate {
    /// As it was written.
    text: String,
    /// The only path that fits, when there is nothing to capture or guess.
    literal: Option<String>,
    segments: Vec<Segment>,
    /// Whether any rest may follow, also none, and its name.
    open: Option<Option<String>>,
}

#[derive(Clone, Debug)]
enum Segment {
    Literal(String),
    /// A literal with `*` inside.
    Glob(Glob),
    Any,
    Capture(String, CaptureKind),
}

/// The type of a capture: what is no such value does not match.
#[derive(Clone, Debug)]
pub(crate) struct CaptureKind {
    /// As it was written.
    name: String,
    accepts: Accepts,
}

#[derive(Clone, Copy, Debug)]
enum Accepts {
    Text,
    /// What can be asked of the text.
    Known(fn(&str) -> bool),
    Uuid,
    /// A type that only the macro knows; any text.
    Other,
}

impl PathTemplate {
    /// The template that was read from a text.
    pub(super) fn new(text: &str, path: &kmock_notation::Path) -> PathTemplate {
        let segment = |segment: &kmock_notation::Segment| match segment {
            kmock_notation::Segment::Literal(text) => Segment::Literal(text.clone()),
            kmock_notation::Segment::Glob(parts) => Segment::Glob(Glob::of(parts.clone())),
            kmock_notation::Segment::Any => Segment::Any,
            kmock_notation::Segment::Capture(capture) => {
                Segment::Capture(capture.name.clone(), CaptureKind::of(capture))
            }
        };
        PathTemplate {
            text: text.to_owned(),
            literal: path.literal(),
            segments: path.segments.iter().map(segment).collect(),
            open: path.rest.as_ref().map(|rest| match rest {
                Rest::Any => None,
                Rest::Capture(capture) => Some(capture.name.clone()),
            }),
        }
    }

    /// The only path that fits, when there is nothing to capture or guess.
    pub(crate) fn literal(&self) -> Option<&str> {
        self.literal.as_deref()
    }

    /// The literal segments, with their places: the first one is 0.
    pub(crate) fn literal_segments(&self) -> impl Iterator<Item = (usize, &str)> {
        let segments = self.segments.iter().enumerate();
        segments.filter_map(|(at, segment)| match segment {
            Segment::Literal(text) => Some((at, text.as_str())),
            _ => None,
        })
    }

    /// Texts that each path that fits has somewhere.
    pub(crate) fn needed(&self) -> impl Iterator<Item = &[u8]> {
        let parts = self.segments.iter().flat_map(|segment| match segment {
            Segment::Glob(glob) => glob.parts(),
            _ => &[],
        });
        parts.map(|part| part.as_bytes())
    }

    /// What the template captures from a canonical path, or `None` where it does not match.
    pub(crate) fn captures(&self, path: &str) -> Option<Vec<(String, String)>> {
        if let Some(literal) = &self.literal {
            return (literal == path).then(Vec::new);
        }
        let mut captured = Vec::new();
        let mut rest = path.strip_prefix('/')?;
        let mut ended = false;
        for segment in &self.segments {
            if ended {
                return None;
            }
            let (here, next) = match rest.split_once('/') {
                Some((here, next)) => (here, Some(next)),
                None => (rest, None),
            };
            if !segment.fits(here) {
                return None;
            }
            if let Segment::Capture(name, _) = segment {
                captured.push((name.clone(), decoded(here).into_owned()));
            }
            ended = next.is_none();
            rest = next.unwrap_or_default();
        }
        match &self.open {
            Some(name) => {
                if let Some(name) = name {
                    captured.push((name.clone(), decoded(rest).into_owned()));
                }
                Some(captured)
            }
            None if ended || self.segments.is_empty() && rest.is_empty() => Some(captured),
            None => None,
        }
    }

    /// The pieces of the template, each as it is written, in canonical form.
    pub(super) fn pieces(&self) -> Vec<String> {
        let segments = self.segments.iter().map(|segment| match segment {
            Segment::Literal(text) => text.clone(),
            Segment::Glob(glob) => glob.to_string(),
            Segment::Any => "*".to_owned(),
            Segment::Capture(name, kind) if kind.name.is_empty() => format!("{{{name}}}"),
            Segment::Capture(name, kind) => format!("{{{name}: {}}}", kind.name),
        });
        let open = self.open.iter().map(|name| match name {
            Some(name) => format!("{{{name}**}}"),
            None => "**".to_owned(),
        });
        segments.chain(open).collect()
    }

    /// Whether a segment of a path fits the one at a place.
    pub(super) fn segment_fits(&self, at: usize, segment: &str) -> bool {
        match self.segments.get(at) {
            Some(one) => one.fits(segment),
            None => self.open.is_some(),
        }
    }

    /// The type that the capture at a place must have.
    pub(super) fn type_at(&self, at: usize) -> Option<&str> {
        match self.segments.get(at)? {
            Segment::Capture(_, kind) if !kind.name.is_empty() => Some(&kind.name),
            _ => None,
        }
    }

    /// Whether each path that fits the other one certainly fits this one.
    pub(super) fn covers(&self, other: &PathTemplate) -> bool {
        if let Some(path) = other.literal() {
            return self.captures(path).is_some();
        }
        let mut narrow = other.segments.iter();
        for wide in &self.segments {
            let covered = match (wide, narrow.next()) {
                (_, None) => false,
                (Segment::Any, Some(Segment::Literal(text))) => !text.is_empty(),
                (Segment::Any, Some(Segment::Any | Segment::Capture(..))) => true,
                (Segment::Capture(_, kind), Some(narrow)) => match narrow {
                    Segment::Literal(text) => kind.accepts(text),
                    Segment::Any => kind.is_text(),
                    Segment::Capture(_, other) => kind.is_text() || kind.name == other.name,
                    Segment::Glob(_) => false,
                },
                (Segment::Literal(a), Some(Segment::Literal(b))) => a == b,
                (Segment::Glob(a), Some(Segment::Glob(b))) => a == b,
                (Segment::Glob(a), Some(Segment::Literal(b))) => a.matches(b),
                _ => false,
            };
            if !covered {
                return false;
            }
        }
        self.open.is_some() || narrow.next().is_none() && other.open.is_none()
    }

    /// Whether no path fits both.
    pub(super) fn excludes(&self, other: &PathTemplate) -> bool {
        match (self.literal(), other.literal()) {
            (Some(path), _) => other.captures(path).is_none(),
            (None, Some(path)) => self.captures(path).is_none(),
            (None, None) => {
                let (few, many) = match self.segments.len() < other.segments.len() {
                    true => (self, other),
                    false => (other, self),
                };
                let differs = |(a, b): (&Segment, &Segment)| match (a, b) {
                    (Segment::Literal(text), other) | (other, Segment::Literal(text)) => {
                        !other.fits(text)
                    }
                    _ => false,
                };
                few.segments.len() < many.segments.len() && few.open.is_none()
                    || few.segments.iter().zip(&many.segments).any(differs)
            }
        }
    }
}

impl Segment {
    fn fits(&self, segment: &str) -> bool {
        match self {
            Segment::Literal(text) => text == segment,
            Segment::Glob(glob) => glob.matches(segment),
            Segment::Any => !segment.is_empty(),
            Segment::Capture(_, kind) => kind.accepts(&decoded(segment)),
        }
    }
}

/// What is escaped in a canonical path: slashes, percent signs, bytes that are no UTF-8.
fn decoded(text: &str) -> Cow<'_, str> {
    percent_encoding::percent_decode_str(text).decode_utf8_lossy()
}

impl FromStr for PathTemplate {
    type Err = FilterError;

    fn from_str(text: &str) -> Result<PathTemplate, FilterError> {
        let path = kmock_notation::template(text).map_err(|fault| FilterError::of(text, &fault))?;
        Ok(PathTemplate::new(text, &path))
    }
}

impl fmt::Display for PathTemplate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// A regular expression for whole paths, with the text that all of them begin with.
#[derive(Clone, Debug)]
pub(crate) struct PathRegex {
    pub(super) regex: Regex,
    /// In canonical form.
    beginning: String,
    /// Whether that is all.
    whole: bool,
    /// Texts that each path has somewhere.
    needed: Vec<Box<[u8]>>,
}

/// What stands behind the last byte of a path where its end matters: no path has it.
pub(crate) const END: u8 = 0;

/// The texts that whatever fits an expression has in it.
fn needed(expression: &Hir, found: &mut Vec<Box<[u8]>>) {
    match expression.kind() {
        HirKind::Literal(text) => found.push(text.0.clone()),
        HirKind::Capture(group) => needed(&group.sub, found),
        HirKind::Repetition(repeated) if repeated.min > 0 => needed(&repeated.sub, found),
        HirKind::Concat(all) => {
            for (at, one) in all.iter().enumerate() {
                let next = all.get(at + 1).map(Hir::kind);
                match (one.kind(), next) {
                    (HirKind::Literal(text), Some(HirKind::Look(Look::End))) => {
                        found.push(text.0.iter().copied().chain([END]).collect());
                    }
                    _ => needed(one, found),
                }
            }
        }
        _ => {}
    }
}

impl PathRegex {
    pub(super) fn new(expression: &str) -> Result<PathRegex, FilterError> {
        let regex = whole_regex(expression)?;
        // What cannot be worked out is no beginning: then the expression is tried for every path.
        let parsed = regex_syntax::parse(regex.as_str()).ok();
        let mut pieces = Vec::new();
        if let Some(parsed) = &parsed {
            needed(parsed, &mut pieces);
        }
        let found = parsed.map(|parsed| literal::Extractor::new().extract(&parsed));
        let beginning = found.as_ref().and_then(literal::Seq::longest_common_prefix);
        let beginning = beginning.and_then(|bytes| std::str::from_utf8(bytes).ok());
        // Dots would change which segment is which.
        let beginning = beginning.filter(|text| !text.contains("/."));
        let whole = found
            .as_ref()
            .is_some_and(|found| found.len() == Some(1) && found.is_exact() && beginning.is_some());
        Ok(PathRegex {
            beginning: canonical_path(beginning.unwrap_or_default()).into_owned(),
            regex,
            whole,
            needed: pieces,
        })
    }

    /// What the named groups capture from a path, or `None` where it does not match. The expression may be for the path as
    /// it is meant, or for the one that came, with its escapes.
    pub(super) fn captures(&self, meant: &str, came: &str) -> Option<Vec<(String, String)>> {
        let found = self.regex.captures(meant).or_else(|| match meant == came {
            true => None,
            false => self.regex.captures(came),
        })?;
        let names = self.regex.capture_names().flatten();
        let named =
            names.filter_map(|name| Some((name.to_owned(), found.name(name)?.as_str().to_owned())));
        Some(named.collect())
    }

    /// Texts that each path that fits has somewhere, as it is meant or as it came; [`END`] is its end.
    pub(crate) fn needed(&self) -> impl Iterator<Item = &[u8]> {
        self.needed.iter().map(|text| &**text)
    }

    /// The only path that fits.
    pub(crate) fn literal(&self) -> Option<&str> {
        self.whole.then_some(self.beginning.as_str())
    }

    /// The segments that all paths begin with; a segment counts when its end is known.
    pub(crate) fn literal_segments(&self) -> impl Iterator<Item = &str> {
        let whole_segments = self.beginning.rsplit_once('/').map(|(before, _)| before);
        let inside = whole_segments.and_then(|text| text.strip_prefix('/'));
        inside.into_iter().flat_map(|text| text.split('/'))
    }
}

impl CaptureKind {
    pub(super) fn of(capture: &Capture) -> CaptureKind {
        CaptureKind::named(capture.ty.as_deref().unwrap_or_default())
    }

    fn named(name: &str) -> CaptureKind {
        fn is<T: FromStr>(text: &str) -> bool {
            text.parse::<T>().is_ok()
        }
        macro_rules! known {
            ($name:expr, $($ty:ty),*) => {
                match $name {
                    $(stringify!($ty) => Some(is::<$ty> as fn(&str) -> bool),)*
                    _ => None,
                }
            };
        }
        let last = name.rsplit("::").next().unwrap_or(name).trim();
        let numbers = known!(
            last, u8, u16, u32, u64, u128, usize, i8, i16, i32, i64, i128, isize, f32, f64
        );
        let others = || {
            known!(
                last,
                bool,
                char,
                IpAddr,
                Ipv4Addr,
                Ipv6Addr,
                SocketAddr,
                NonZeroU8,
                NonZeroU16,
                NonZeroU32,
                NonZeroU64,
                NonZeroUsize,
                NonZeroI32,
                NonZeroI64
            )
        };
        let accepts = match (numbers.or_else(others), last) {
            (Some(known), _) => Accepts::Known(known),
            (None, "" | "str" | "String" | "&str") => Accepts::Text,
            (None, "uuid" | "Uuid") => Accepts::Uuid,
            (None, _) => Accepts::Other,
        };
        CaptureKind {
            name: name.to_owned(),
            accepts,
        }
    }

    fn is_text(&self) -> bool {
        matches!(self.accepts, Accepts::Text)
    }

    /// Whether a segment is such a value; an empty one is none.
    fn accepts(&self, text: &str) -> bool {
        !text.is_empty() && self.accepts_any(text)
    }

    /// Whether a text is such a value, which may be empty.
    pub(super) fn accepts_any(&self, text: &str) -> bool {
        match self.accepts {
            Accepts::Text | Accepts::Other => true,
            Accepts::Known(is) => is(text),
            Accepts::Uuid => {
                text.len() == 36
                    && text.bytes().enumerate().all(|(at, byte)| match at {
                        8 | 13 | 18 | 23 => byte == b'-',
                        _ => byte.is_ascii_hexdigit(),
                    })
            }
        }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn captures(template: &str, path: &str) -> Option<Vec<(String, String)>> {
        template
            .parse::<PathTemplate>()
            .expect("a template")
            .captures(&canonical_path(path))
    }

    fn pair(name: &str, value: &str) -> (String, String) {
        (name.to_owned(), value.to_owned())
    }

    #[test]
    fn regexes_tell_what_paths_begin_with() {
        let beginning = |expression: &str| {
            let regex = PathRegex::new(expression).expect("a regex");
            let segments: Vec<_> = regex.literal_segments().map(str::to_owned).collect();
            (regex.literal().map(str::to_owned), segments.join("+"))
        };
        let segments = |text: &str| (None, text.to_owned());
        assert_eq!(beginning("/a/b"), (Some("/a/b".to_owned()), "a".to_owned()));
        assert_eq!(beginning(r"/v1\.0/users/\d+"), segments("v1.0+users"));
        assert_eq!(beginning("/a/b[cd]"), segments("a"));
        assert_eq!(beginning("/a/bc?/d"), segments("a"));
        assert_eq!(beginning("/x/(a|b)/c"), segments("x"));
        assert_eq!(beginning("/x/(?i)ab/c"), segments("x"));
        for none in [
            ".*/a",
            "(?i)/ab/c",
            "(/a)?/b",
            "/a|/b",
            "a/b/c",
            "/?a/b",
            "",
        ] {
            assert!(!beginning(none).1.contains('a'), "{none}");
        }
    }

    #[test]
    fn templates_match_whole_paths() {
        assert_eq!(captures("/", "/"), Some(vec![]));
        assert_eq!(captures("/", "/x"), None);
        assert_eq!(captures("/a/b", "/a/b"), Some(vec![]));
        assert_eq!(captures("/a/b", "/a/b/"), None);
        assert_eq!(
            captures("/users/{id}", "/users/7%20"),
            Some(vec![pair("id", "7 ")])
        );
        assert_eq!(captures("/users/{id}", "/users/"), None);
        assert_eq!(captures("/users/{id: u64}", "/users/x"), None);
        assert_eq!(captures("/users/{id: u8}", "/users/300"), None);
        assert_eq!(captures("/users/{id: i16}", "/users/70000"), None);
        assert_eq!(captures("/users/{id: u32}", "/users/-1"), None);
        assert_eq!(captures("/{ip: std::net::IpAddr}", "/1.2.3"), None);
        assert!(captures("/{ip: IpAddr}/{n: NonZeroU8}", "/1.2.3.4/7").is_some());
        assert!(captures("/{own: Own}", "/anything").is_some());
        assert_eq!(
            captures("/users/{id: u64}/x", "/users/7/x"),
            Some(vec![pair("id", "7")])
        );
        assert_eq!(captures("/files/*", "/files/a"), Some(vec![]));
        assert_eq!(captures("/files/*", "/files/a/b"), None);
        assert_eq!(captures("/files/**", "/files/a/b"), Some(vec![]));
        assert_eq!(captures("/files/**", "/files"), Some(vec![]));
        assert_eq!(
            captures("/files/{rest**}", "/files/a/b"),
            Some(vec![pair("rest", "a/b")])
        );
        assert_eq!(captures("/v*/x", "/v12/x"), Some(vec![]));
    }

    #[test]
    fn equal_paths_match_however_they_are_written() {
        let all = [
            "/café/a b",
            "/caf%C3%A9/a%20b",
            "/caf%c3%a9/%61%20b",
            "/x/../café/./a%20b",
        ];
        for template in all {
            for path in all {
                assert_eq!(captures(template, path), Some(vec![]), "{template} {path}");
            }
        }
        assert_eq!(captures("/a/b", "/a%2Fb"), None);
        assert_eq!(captures("/a%2fb", "/a%2Fb"), Some(vec![]));
        assert_eq!(captures("/*.txt", "/%C3%BC.txt"), Some(vec![]));
        assert_eq!(captures("/%FF", "/%ff"), Some(vec![]));
        assert_eq!(captures("/%FF", "/%FE"), None);
        let rest = Some(vec![pair("id", "a/b"), pair("rest", "ü/1 2")]);
        assert_eq!(captures("/{id}/{rest**}", "/a%2Fb/%C3%BC/1%202"), rest);
        let regex = PathRegex::new("/café/(?<x>.+)").expect("a regex");
        let x = |text: &str| Some(vec![pair("x", text)]);
        assert_eq!(regex.captures("/café/a b", "/caf%C3%A9/a%20b"), x("a b"));
        let raw = PathRegex::new("/caf%C3%A9/(?<x>.+)").expect("a regex");
        assert_eq!(raw.captures("/café/a b", "/caf%C3%A9/a%20b"), x("a%20b"));
        assert_eq!(raw.literal_segments().collect::<Vec<_>>(), ["café"]);
    }

    #[test]
    fn templates_exclude_each_other_when_no_path_fits_both() {
        let template = |text: &str| text.parse::<PathTemplate>().expect("a template");
        let excludes = |a: &str, b: &str| {
            let (a, b) = (template(a), template(b));
            assert_eq!(a.excludes(&b), b.excludes(&a));
            a.excludes(&b)
        };
        assert!(excludes("/a", "/b") && excludes("/a", "/a/{x}") && excludes("/a/{x}", "/b/{y}"));
        assert!(excludes("/{n: u8}", "/x") && excludes("/a/{x}", "/a/{x}/{y}"));
        assert!(!excludes("/a", "/{x}") && !excludes("/a/**", "/a/{x}/{y}"));
        assert!(!excludes("/a/{x}", "/{y}/b") && !excludes("/a*", "/*b"));
    }

    #[test]
    fn malformed_templates_are_refused_with_a_reason() {
        for (template, reason) in [
            ("users", "starts with `/`"),
            ("/a{b}", "whole segment"),
            ("/{}", "has a name"),
            ("/a**/b", "stands alone and last"),
        ] {
            let error = template
                .parse::<PathTemplate>()
                .expect_err("malformed")
                .to_string();
            assert!(error.contains(reason), "{template}: {error}");
        }
    }
}
