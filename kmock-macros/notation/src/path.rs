//! Paths: templates with captures and globs, perhaps with a query, read as a URL is.

use std::ops::Range;

use crate::{
    Fault, did_you_mean,
    head::is_method,
    url::{canonical_segment, decode_query},
};

/// A path template and the parameters that follow it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Path {
    /// The segments after the first slash.
    pub segments: Vec<Segment>,
    /// Whether any rest may follow them, also none.
    pub rest: Option<Rest>,
    /// The parameters of the query; a request may have others.
    pub query: Vec<Parameter>,
}

/// One segment of a path template. Texts are in the form of [`canonical_path`](crate::canonical_path).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Segment {
    /// Just this.
    Literal(String),
    /// Texts with any run of characters between them.
    Glob(Vec<String>),
    /// `*`: any but an empty one.
    Any,
    /// `{id}`, `{id: u64}`
    Capture(Capture),
}

/// The end of a path template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rest {
    /// `**`
    Any,
    /// `{rest**}`
    Capture(Capture),
}

/// A part of a request with a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Capture {
    /// The name.
    pub name: String,
    /// The type of Rust, as it was written; `None` is a text.
    pub ty: Option<String>,
    /// What stands in the braces, in bytes of the text.
    pub range: Range<usize>,
}

/// A parameter of a query, decoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parameter {
    /// Its name.
    pub name: String,
    /// What it must be.
    pub value: Value,
}

/// What a parameter of a query must be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// `?name`: there, with any value.
    Present,
    /// Just this.
    Text(String),
    /// Texts with any run of characters between them.
    Glob(Vec<String>),
    /// `?page={page: u64}`: anything, and it has a name.
    Capture(Capture),
}

impl Path {
    /// All captures, in order.
    pub fn captures(&self) -> Vec<&Capture> {
        let segments = self.segments.iter().filter_map(|segment| match segment {
            Segment::Capture(capture) => Some(capture),
            _ => None,
        });
        let rest = self.rest.iter().filter_map(|rest| match rest {
            Rest::Capture(capture) => Some(capture),
            Rest::Any => None,
        });
        let query = self.query.iter().filter_map(|one| match &one.value {
            Value::Capture(capture) => Some(capture),
            _ => None,
        });
        segments.chain(rest).chain(query).collect()
    }

    /// The path without its captures and globs, where it has none.
    pub fn literal(&self) -> Option<String> {
        if self.rest.is_some() {
            return None;
        }
        self.segments.iter().try_fold(String::new(), |path, next| {
            let Segment::Literal(text) = next else {
                return None;
            };
            Some(format!("{path}/{text}"))
        })
    }
}

/// Reads a path: a template, perhaps with a query.
///
/// # Errors
/// With the part that is wrong, and what to write.
pub fn path(text: &str) -> Result<Path, Fault> {
    is_path(text)?;
    habits(text)?;
    if let Some(at) = outside_braces(text, char::is_whitespace) {
        let in_query = text.find('?').is_some_and(|query| query < at);
        return Err(Fault::new(
            if in_query {
                "a query has no spaces"
            } else {
                "a path has no spaces"
            },
            match in_query {
                true => {
                    "several criteria follow one another outside of the text; a space in a query is `+` or `%20`"
                }
                false => {
                    "several criteria follow one another outside of the text; a space in a path is `%20`"
                }
            },
            at..at + 1,
        ));
    }
    template(text)
}

/// Reads a path that was computed: spaces and signs of regular expressions are what they are.
///
/// # Errors
/// With the part that is wrong, and what to write.
pub fn template(text: &str) -> Result<Path, Fault> {
    is_path(text)?;
    let (before, query) = match text.split_once('?') {
        Some((before, query)) => (before, Some(query)),
        None => (text, None),
    };
    let (segments, rest) = segments(before)?;
    let mut found = Path {
        segments,
        rest,
        query: Vec::new(),
    };
    if let Some(query) = query {
        let at = before.len() + 1;
        found.query = parameters(query).map_err(|fault| fault.shifted(at))?;
        for parameter in &mut found.query {
            if let Value::Capture(capture) = &mut parameter.value {
                capture.range = capture.range.start + at..capture.range.end + at;
            }
        }
    }
    let captures = found.captures();
    for (number, one) in captures.iter().enumerate() {
        if captures[..number]
            .iter()
            .any(|other| other.name == one.name)
        {
            return Err(Fault::new(
                format!("`{}` is captured twice", one.name),
                "give each capture a name of its own",
                one.range.start.saturating_sub(1)..one.range.end + 1,
            ));
        }
    }
    Ok(found)
}

/// What begins as a path does, and is no URL.
fn is_path(text: &str) -> Result<(), Fault> {
    let whole = 0..text.len();
    if text.is_empty() {
        return Err(Fault::new(
            "the path is empty",
            "write \"/\" for the root; leave it out for any path",
            whole,
        ));
    }
    if let Some((scheme, rest)) = text
        .split_once("://")
        .filter(|(scheme, _)| ["http", "https"].contains(scheme))
    {
        let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let path = if path.is_empty() { "/" } else { path };
        let host = host.split(':').next().unwrap_or_default();
        let tls = match scheme {
            "https" => " (this server speaks plain HTTP)",
            _ => "",
        };
        return Err(Fault::new(
            "a URL has a host, which is a criterion of its own",
            format!("write `\"{path}\" host \"{host}\"`{tls}"),
            whole,
        ));
    }
    if let Some(query) = text.strip_prefix('?') {
        let (name, value) = query.split_once('=').unwrap_or((query, ""));
        let value = if value.is_empty() {
            "_".to_owned()
        } else {
            format!("\"{value}\"")
        };
        return Err(Fault::new(
            "a query alone is no path",
            format!("write `query {{ \"{name}\": {value} }}`"),
            whole,
        ));
    }
    if !text.starts_with('/') {
        let mut words = text.split_whitespace();
        let first = words.next().unwrap_or_default();
        if is_method(first) && words.next().is_some_and(|next| next.starts_with('/')) {
            return Err(Fault::new(
                "the method is said twice",
                format!("leave out `{first}` in the text, or the word before it"),
                0..first.len(),
            ));
        }
        let help = if text.starts_with('^') || text.starts_with(".*") {
            format!(
                "a regular expression is written ~\"{}\"",
                text.trim_start_matches('^').trim_end_matches('$')
            )
        } else if text == "*" {
            "leave out the path for any path; write \"/**\" for any below the root".to_owned()
        } else if let Some((host, path)) = text
            .split_once('/')
            .filter(|(host, _)| host.contains(':') || *host == "localhost")
        {
            format!(
                "write `\"/{path}\" host \"{}\"`",
                host.split(':').next().unwrap_or_default()
            )
        } else {
            format!("write \"/{}\"", text.trim_start())
        };
        let end = text.chars().next().map_or(1, char::len_utf8);
        return Err(Fault::new("a path starts with `/`", help, 0..end));
    }
    if let Some(at) = text.find('#') {
        return Err(Fault::new(
            "a client never sends the fragment after `#`",
            format!("write \"{}\"", &text[..at]),
            at..text.len(),
        ));
    }
    Ok(())
}

/// Where a character stands that is no part of a capture: `{id: u64}` may have spaces.
fn outside_braces(text: &str, what: impl Fn(char) -> bool) -> Option<usize> {
    let mut depth = 0usize;
    text.char_indices().find_map(|(at, c)| {
        match c {
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        (what(c) && depth == 0).then_some(at)
    })
}

/// How other libraries write captures and expressions: none of it is ever in a URL as it stands.
fn habits(text: &str) -> Result<(), Fault> {
    let path = text.split('?').next().unwrap_or_default();
    let mut at = 1;
    for piece in path.split('/').skip(1) {
        let here = at..at + piece.len();
        at += piece.len() + 1;
        let word =
            |text: &str| !text.is_empty() && text.chars().all(|c| c.is_alphanumeric() || c == '_');
        if let Some(name) = piece.strip_prefix(':').filter(|name| word(name)) {
            return Err(Fault::new(
                format!("a capture is in braces, not after a colon as in `:{name}`"),
                format!(
                    "write \"{}\", or ~\"{path}\" where the colon is meant",
                    path.replace(piece, &format!("{{{name}}}"))
                ),
                here,
            ));
        }
        if let Some(name) = piece
            .strip_prefix('<')
            .and_then(|piece| piece.strip_suffix('>'))
        {
            let name = match name.split_once(':') {
                Some((ty, name)) => format!("{name}: {}", rust_type(ty).unwrap_or(ty)),
                None => name.to_owned(),
            };
            return Err(Fault::new(
                format!("a capture is in braces, not in `{piece}`"),
                format!("write \"{}\"", path.replace(piece, &format!("{{{name}}}"))),
                here,
            ));
        }
    }
    if let Some(at) = outside_braces(path, |c| "\\[]^|<>\"".contains(c)) {
        return Err(Fault::new(
            "a path is no regular expression unless `~` stands before it",
            format!("write ~\"{text}\", or `*` for any run of characters in a segment"),
            at..at + 1,
        ));
    }
    Ok(())
}

/// Rust's name of what other libraries call a type.
fn rust_type(word: &str) -> Option<&'static str> {
    Some(match word {
        "int" | "integer" => "i64",
        "uint" => "u64",
        "float" | "number" => "f64",
        "str" | "string" | "path" | "slug" => "String",
        "bool" => "bool",
        _ => return None,
    })
}

fn segments(path: &str) -> Result<(Vec<Segment>, Option<Rest>), Fault> {
    let mut found = Vec::new();
    let mut rest = None;
    let mut at = 1;
    let count = path.split('/').count();
    for (number, piece) in path.split('/').enumerate().skip(1) {
        let here = at..at + piece.len().max(1);
        let last = number + 1 == count;
        at += piece.len() + 1;
        if piece.contains(['{', '}']) {
            let inside = braces(piece, &here, "/{name}", "segment")?;
            match capture(inside, last).map_err(|fault| fault.shifted(here.start + 1))? {
                (mut capture, true) => {
                    capture.range = here.start + 1..here.end - 1;
                    rest = Some(Rest::Capture(capture));
                }
                (mut capture, false) => {
                    capture.range = here.start + 1..here.end - 1;
                    found.push(Segment::Capture(capture));
                }
            }
        } else if last && piece == "**" {
            rest = Some(Rest::Any);
        } else if piece.contains("**") {
            let help = if piece == "**" {
                "write `*` for one segment; `**` is the rest of the path"
            } else {
                "`*` is any run of characters in a segment, `/**` at the end is any rest"
            };
            return Err(Fault::new("`**` stands alone and last", help, here));
        } else if piece == "*" {
            found.push(Segment::Any);
        } else if piece.contains('*') {
            let parts = piece.split('*').map(|part| canonical_segment(part).into());
            found.push(Segment::Glob(parts.collect()));
        } else {
            found.push(Segment::Literal(canonical_segment(piece).into()));
        }
    }
    Ok((without_dots(found, rest.is_none()), rest))
}

/// Clients leave out segments of dots before they send a path; those that do not are understood as if they had.
fn without_dots(segments: Vec<Segment>, ends: bool) -> Vec<Segment> {
    let is =
        |segment: &Segment, dots: &str| matches!(segment, Segment::Literal(text) if text == dots);
    if !segments.iter().any(|one| is(one, ".") || is(one, "..")) {
        return segments;
    }
    let count = segments.len();
    let mut out = Vec::new();
    for (number, segment) in segments.into_iter().enumerate() {
        let (here, up) = (is(&segment, "."), is(&segment, ".."));
        if up {
            out.pop();
        }
        if !(here || up) {
            out.push(segment);
        } else if ends && number + 1 == count {
            out.push(Segment::Literal(String::new()));
        }
    }
    out
}

/// What stands in braces that are all of a piece.
fn braces<'a>(
    piece: &'a str,
    here: &Range<usize>,
    form: &str,
    whole: &str,
) -> Result<&'a str, Fault> {
    let inside = piece
        .strip_prefix('{')
        .and_then(|piece| piece.strip_suffix('}'));
    if let Some(inside) = inside.filter(|inside| !inside.contains(['{', '}'])) {
        return Ok(inside);
    }
    let balanced = piece.matches('{').count() == piece.matches('}').count();
    Err(if balanced {
        let help = match whole {
            "value" => format!(
                "write \"{form}\", `*` for a part that need not be known, `%7B` and `%7D` for braces"
            ),
            _ => format!("write \"{form}\", or `*` for a part that need not be known"),
        };
        Fault::new(
            format!("a capture fills a whole {whole}, which `{piece}` does not"),
            help,
            here.clone(),
        )
    } else {
        Fault::new(
            format!("unbalanced braces in `{piece}`"),
            format!("write \"{form}\""),
            here.clone(),
        )
    })
}

/// The inside of `{name}`, `{name: u64}`, `{name**}`, and whether it is the rest.
fn capture(inside: &str, last: bool) -> Result<(Capture, bool), Fault> {
    let (name, ty) = match inside.split_once(':') {
        Some((name, ty)) => (name.trim(), Some(ty.trim())),
        None => (inside.trim(), None),
    };
    let whole = 0..inside.len().max(1);
    let (name, rest) = match name.strip_suffix("**") {
        Some(name) if last => (name, true),
        Some(name) => {
            return Err(Fault::new(
                format!("`{{{name}**}}` is the rest of a path and stands last"),
                format!("write `{{{name}}}` for one segment"),
                whole,
            ));
        }
        None => (name.trim_start_matches('*'), false),
    };
    if name.is_empty() {
        return Err(Fault::new(
            "a capture has a name",
            "write `{id}`, or `*` where the name is of no use",
            whole,
        ));
    }
    if !is_identifier(name) {
        return Err(Fault::new(
            format!("`{name}` is no name for a capture"),
            "a name is letters, digits and `_`, and no word of Rust's own, as in `{id}`",
            whole,
        ));
    }
    const TYPES: &[&str] = &[
        "u8", "u16", "u32", "u64", "u128", "usize", "i8", "i16", "i32", "i64", "i128", "isize",
        "f32", "f64", "bool", "char", "String", "str", "uuid",
    ];
    let ty = match ty {
        None | Some("str" | "&str") => "String",
        Some(ty) => ty,
    };
    // A lower-case word is one of Rust's own types or a slip; the user's types start with a capital.
    let known = TYPES.contains(&ty) || ty.starts_with(char::is_uppercase) || ty.contains("::");
    if known {
        let capture = Capture {
            name: name.to_owned(),
            ty: (ty != "String").then(|| ty.to_owned()),
            range: 0..inside.len(),
        };
        return Ok((capture, rest));
    }
    // Python's `{int:id}`.
    Err(if TYPES.contains(&name) || rust_type(name).is_some() {
        Fault::new(
            "the name of a capture comes first, its type after the colon",
            format!("write `{{{ty}: {}}}`", rust_type(name).unwrap_or(name)),
            whole,
        )
    } else {
        Fault::new(
            format!(
                "`{ty}` is no type{}",
                did_you_mean(ty, TYPES.iter().copied())
            ),
            match rust_type(ty) {
                Some(meant) => format!("write `{{{name}: {meant}}}`"),
                None => "write `{id: u64}`, or any type that is `FromStr`".to_owned(),
            },
            whole,
        )
    })
}

/// Whether a parameter of a closure may have this name.
fn is_identifier(name: &str) -> bool {
    const WORDS: &[&str] = &[
        "abstract", "as", "async", "await", "become", "box", "break", "const", "continue", "crate",
        "do", "dyn", "else", "enum", "extern", "false", "final", "fn", "for", "gen", "if", "impl",
        "in", "let", "loop", "macro", "match", "mod", "move", "mut", "override", "priv", "pub",
        "ref", "return", "self", "Self", "static", "struct", "super", "trait", "true", "try",
        "type", "typeof", "unsafe", "unsized", "use", "virtual", "where", "while", "yield", "_",
    ];
    let first = name.chars().next();
    first.is_some_and(|c| c.is_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_alphanumeric() || c == '_')
        && !WORDS.contains(&name)
}

fn parameters(query: &str) -> Result<Vec<Parameter>, Fault> {
    if query.is_empty() {
        return Err(Fault::new("the query is empty", "leave out the `?`", 0..1));
    }
    let mut found = Vec::new();
    let mut at = 0;
    for pair in query.split('&') {
        let here = at..at + pair.len().max(1);
        if pair.is_empty() || pair.starts_with('=') {
            return Err(Fault::new(
                "a parameter has no name",
                "write \"?name=value&other=*\"",
                here,
            ));
        }
        let (name, value) = match pair.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (pair, None),
        };
        if name.contains(['{', '}']) {
            return Err(Fault::new(
                format!("the name of a parameter is not captured, as `{name}` would be"),
                "write \"?name={name}\" to capture a value, `%7B` and `%7D` for braces",
                here.start..here.start + name.len(),
            ));
        }
        let value_at = here.start + name.len() + 1;
        let value = match value {
            None => Value::Present,
            Some(value) if value.contains(['{', '}']) => {
                let here = value_at..value_at + value.len();
                let inside = braces(value, &here, "?name={name}", "value")?;
                let (mut capture, _) =
                    capture(inside, false).map_err(|fault| fault.shifted(here.start + 1))?;
                capture.range = here.start + 1..here.end - 1;
                Value::Capture(capture)
            }
            Some(value) if value.contains('*') => {
                let parts = value.split('*').map(|part| decode_query(part).into());
                Value::Glob(parts.collect())
            }
            Some(value) => Value::Text(decode_query(value).into()),
        };
        found.push(Parameter {
            name: decode_query(name).into(),
            value,
        });
        at += pair.len() + 1;
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::canonical_path;

    fn fault(text: &str) -> String {
        path(text).err().map(|fault| fault.text).unwrap_or_default()
    }

    #[test]
    fn paths_and_captures() {
        for text in [
            "/",
            "/users/{id}",
            "/a/*/b",
            "/a*b/c",
            "/files/**",
            "/files/{rest**}",
            "/x?a=1&b=*",
            "/x?filter[name]=1",
            "/v1/projects:list",
            "/odata/$metadata",
            "/{ids: Vec<u8>}",
            "/ü",
        ] {
            assert_eq!(fault(text), "", "{text}");
        }
        let found = path("/{a: u64}/{b}/{c**}?q={d: Own}").expect("a path");
        let names: Vec<(&str, Option<&str>)> = found
            .captures()
            .into_iter()
            .map(|capture| (capture.name.as_str(), capture.ty.as_deref()))
            .collect();
        let want = [
            ("a", Some("u64")),
            ("b", None),
            ("c", None),
            ("d", Some("Own")),
        ];
        assert_eq!(names, want);
        let last = found.captures().pop().expect("a capture").range.clone();
        assert_eq!(&"/{a: u64}/{b}/{c**}?q={d: Own}"[last], "d: Own");
        for (text, want) in [
            ("", "empty"),
            ("x", "starts with `/`"),
            ("?q=1", "query alone"),
            ("http://h/x", "host"),
            ("/a#b", "fragment"),
            ("/a b", "no spaces"),
            ("/a?q=b c", "query has no spaces"),
            ("/a{b}", "whole segment"),
            ("/{a}{b}", "whole segment"),
            ("/{a", "unbalanced"),
            ("/{}", "has a name"),
            ("/{a}/{a}", "twice"),
            ("/{a}?q={a}", "twice"),
            ("/{type}", "no name for a capture"),
            ("/{id: u46}", "did you mean `u64`"),
            ("/a/**/b", "alone and last"),
            ("/x?", "query is empty"),
            ("/x?=1", "no name"),
            ("/x?q={a}-{b}", "whole value"),
            ("/x?q={\"a\":1}", "no name for a capture"),
            ("/x?{q}=1", "not captured"),
            ("/x?q={rest**}", "stands last"),
            ("/users/:id", "in braces"),
            ("/users/<int:id>", "in braces"),
            ("/users/{int:id}", "comes first"),
            (r"/v\d+", "no regular expression"),
            ("/v[0-9]/x", "no regular expression"),
        ] {
            assert!(fault(text).contains(want), "{text}: {}", fault(text));
        }
    }

    #[test]
    fn texts_are_read_as_urls_are() {
        for (text, want) in [
            ("/caf%C3%A9", "/café"),
            ("/café", "/café"),
            ("/%61/../b%2fc", "/b%2Fc"),
            ("/a/.", "/a/"),
        ] {
            let found = path(text).expect("a path").literal();
            assert_eq!(found.as_deref(), Some(want), "{text}");
            assert_eq!(canonical_path(text), want, "{text}");
        }
        let query = |text: &str| path(text).expect("a path").query;
        let text = |name: &str, value: &str| Parameter {
            name: name.to_owned(),
            value: Value::Text(value.to_owned()),
        };
        assert_eq!(
            query("/s?q=a+b%20c&e%5B%5D=x%40y&star=%2A"),
            [text("q", "a b c"), text("e[]", "x@y"), text("star", "*")]
        );
        let glob = ["a b".to_owned(), "*".to_owned()];
        assert_eq!(query("/s?q=a+b*%2A")[0].value, Value::Glob(glob.to_vec()));
        assert_eq!(query("/s?flag&q=")[0].value, Value::Present);
        assert_eq!(query("/s?flag&q=")[1], text("q", ""));
        let glob = path("/a%20*%2A").expect("a path").segments;
        assert_eq!(glob, [Segment::Glob(vec!["a ".to_owned(), "*".to_owned()])]);
    }
}
