//! Path templates: `/exact`, `/users/{id}`, `/users/{id: u64}`, `/files/*`, `/files/**`.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    num::{NonZeroI32, NonZeroI64, NonZeroU8, NonZeroU16, NonZeroU32, NonZeroU64, NonZeroUsize},
    str::FromStr,
};

use regex::Regex;
use regex_syntax::hir::literal;

use crate::criteria::{FilterError, pattern::whole_regex};

/// A path template, compiled: one piece a segment.
#[derive(Clone, Debug)]
pub(crate) struct PathTemplate {
    text: String,
    segments: Vec<Segment>,
    /// Whether there is nothing to capture or guess.
    plain: bool,
    /// Whether the template ends in `**`: any rest, also none.
    open: Option<Option<String>>,
}

#[derive(Clone, Debug)]
enum Segment {
    Literal(String),
    /// A literal with `*` inside.
    Glob(crate::criteria::Pattern),
    Any,
    Capture(String, Kind),
}

/// The type of a capture: a segment that is no such value does not match.
#[derive(Clone, Copy, Debug)]
enum Kind {
    Text,
    /// What can be asked of the text.
    Known(fn(&str) -> bool),
    Uuid,
    /// A type that only the macro knows; the segment is any text.
    Other,
}

impl PathTemplate {
    /// The literal path, when there is nothing to capture or guess.
    pub(crate) fn literal(&self) -> Option<&str> {
        self.plain.then_some(self.text.as_str())
    }

    /// The literal segments, with their places: the first one is 0.
    pub(crate) fn literal_segments(&self) -> impl Iterator<Item = (usize, &str)> {
        let segments = self.segments.iter().enumerate();
        segments.filter_map(|(at, segment)| match segment {
            Segment::Literal(text) => Some((at, text.as_str())),
            _ => None,
        })
    }

    /// What the template captures from a path, or `None` where it does not match.
    pub(crate) fn captures(&self, path: &str) -> Option<Vec<(String, String)>> {
        if self.plain {
            return (self.text == path).then(Vec::new);
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
            let fits = match segment {
                Segment::Literal(text) => text == here,
                Segment::Glob(glob) => glob.matches_text(Some(here)),
                Segment::Any => !here.is_empty(),
                Segment::Capture(name, kind) => {
                    let decoded = percent_encoding::percent_decode_str(here).decode_utf8_lossy();
                    let fits = kind.accepts(&decoded);
                    captured.push((name.clone(), decoded.into_owned()));
                    fits
                }
            };
            if !fits {
                return None;
            }
            ended = next.is_none();
            rest = next.unwrap_or_default();
        }
        match &self.open {
            Some(name) => {
                if let Some(name) = name {
                    captured.push((name.clone(), rest.to_owned()));
                }
                Some(captured)
            }
            None if ended || self.segments.is_empty() && rest.is_empty() => Some(captured),
            None => None,
        }
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }
}

/// A regular expression for whole paths, with the text that all of them begin with.
#[derive(Clone, Debug)]
pub(crate) struct PathRegex {
    pub(super) regex: Regex,
    beginning: String,
    /// Whether that is all.
    whole: bool,
}

impl PathRegex {
    pub(super) fn new(expression: &str) -> Result<PathRegex, FilterError> {
        let regex = whole_regex(expression)?;
        // What cannot be worked out is no beginning: then the expression is tried for every path.
        let found = regex_syntax::parse(regex.as_str()).ok();
        let found = found.map(|parsed| literal::Extractor::new().extract(&parsed));
        let beginning = found.as_ref().and_then(literal::Seq::longest_common_prefix);
        let beginning = beginning.and_then(|bytes| std::str::from_utf8(bytes).ok());
        let whole = found
            .as_ref()
            .is_some_and(|found| found.len() == Some(1) && found.is_exact() && beginning.is_some());
        Ok(PathRegex {
            beginning: beginning.unwrap_or_default().to_owned(),
            regex,
            whole,
        })
    }

    /// What the named groups capture from a path, or `None` where it does not match.
    pub(super) fn captures(&self, path: &str) -> Option<Vec<(String, String)>> {
        let found = self.regex.captures(path)?;
        let names = self.regex.capture_names().flatten();
        let named =
            names.filter_map(|name| Some((name.to_owned(), found.name(name)?.as_str().to_owned())));
        Some(named.collect())
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

impl FromStr for PathTemplate {
    type Err = FilterError;

    fn from_str(text: &str) -> Result<PathTemplate, FilterError> {
        let Some(rest) = text.strip_prefix('/') else {
            return Err(FilterError::new(format!(
                "the path `{text}` must start with `/`"
            )));
        };
        let mut open = None;
        let mut segments = Vec::new();
        let mut pieces = rest.split('/').peekable();
        while let Some(piece) = pieces.next() {
            let last = pieces.peek().is_none();
            if last && piece == "**" {
                open = Some(None);
            } else if let Some(inside) = piece
                .strip_prefix('{')
                .and_then(|piece| piece.strip_suffix('}'))
            {
                let (name, kind) = match inside.split_once(':') {
                    Some((name, kind)) => (name.trim(), Kind::named(kind.trim())),
                    None => (inside.trim(), Kind::Text),
                };
                if let Some(name) = name.strip_suffix("**").filter(|_| last) {
                    open = Some(Some(name.to_owned()));
                    continue;
                }
                if name.is_empty() || !name.chars().all(|c| c.is_alphanumeric() || c == '_') {
                    return Err(FilterError::new(format!(
                        "`{{{inside}}}` in the path `{text}` must hold a name, as in `{{id}}` or `{{id: u64}}`"
                    )));
                }
                segments.push(Segment::Capture(name.to_owned(), kind));
            } else if piece.contains(['{', '}']) {
                return Err(FilterError::new(format!(
                    "a capture fills a whole segment: `{piece}` in the path `{text}` does not"
                )));
            } else if piece == "*" {
                segments.push(Segment::Any);
            } else if piece.contains("**") {
                return Err(FilterError::new(format!(
                    "`**` stands alone and last, as in `/files/**`; the path is `{text}`"
                )));
            } else if piece.contains('*') {
                segments.push(Segment::Glob(piece.into()));
            } else {
                segments.push(Segment::Literal(piece.to_owned()));
            }
        }
        let literal = |segment: &Segment| matches!(segment, Segment::Literal(_));
        Ok(PathTemplate {
            text: text.to_owned(),
            plain: open.is_none() && segments.iter().all(literal),
            segments,
            open,
        })
    }
}

impl fmt::Display for PathTemplate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Kind {
    fn named(name: &str) -> Kind {
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
        match (numbers.or_else(others), last) {
            (Some(known), _) => Kind::Known(known),
            (None, "str" | "String" | "&str") => Kind::Text,
            (None, "uuid" | "Uuid") => Kind::Uuid,
            (None, _) => Kind::Other,
        }
    }

    fn accepts(self, text: &str) -> bool {
        match self {
            Kind::Text | Kind::Other => !text.is_empty(),
            Kind::Known(is) => is(text),
            Kind::Uuid => {
                text.len() == 36
                    && text.bytes().enumerate().all(|(at, byte)| match at {
                        8 | 13 | 18 | 23 => byte == b'-',
                        _ => byte.is_ascii_hexdigit(),
                    })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn captures(template: &str, path: &str) -> Option<Vec<(String, String)>> {
        template
            .parse::<PathTemplate>()
            .expect("a template")
            .captures(path)
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
    fn malformed_templates_are_refused_with_a_reason() {
        for (template, reason) in [
            ("users", "must start with `/`"),
            ("/a{b}", "whole segment"),
            ("/{}", "must hold a name"),
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
