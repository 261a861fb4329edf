//! Paths of selectable fields and of rules' faults: `.spec.a['b.c']`.
//!
//! Grammar and errors: `ValidFieldPath` of `apiextensions-apiserver/pkg/apiserver/schema/cel`.

use super::props::Props;

/// Where a path leads.
#[derive(Debug)]
pub(crate) struct Found<'a> {
    /// The path as messages print it.
    pub(crate) shown: String,
    /// The names on the way.
    pub(crate) names: Vec<String>,
    /// The schema at its end.
    pub(crate) props: &'a Props,
}

/// Follows a path through a schema; brackets only when `brackets`.
pub(crate) fn follow<'a>(
    path: &str,
    props: &'a Props,
    brackets: bool,
) -> Result<Found<'a>, String> {
    let mut found = Found {
        shown: String::new(),
        names: Vec::new(),
        props,
    };
    let mut tokens = tokens(path).into_iter();
    while let Some(token) = tokens.next() {
        match token {
            "." => {
                let name = tokens.next().ok_or("unexpected end of JSON path")?;
                step(&mut found, name.to_owned())?;
            }
            "[" => {
                if !brackets {
                    return Err("array notation is not allowed".into());
                }
                let token = tokens.next().ok_or("unexpected end of JSON path")?;
                let inner = token
                    .strip_prefix('\'')
                    .and_then(|rest| rest.strip_suffix('\''));
                let Some(inner) = inner.filter(|_| token.len() >= 2) else {
                    return Err(format!("expected single quoted string but got {token}"));
                };
                step(&mut found, unescape(inner)?)?;
                match tokens.next() {
                    None => return Err("unexpected end of JSON path".into()),
                    Some("]") => {}
                    Some(other) => return Err(format!("expected ] but got {other}")),
                }
            }
            other => return Err(format!("expected [ or . but got: {other}")),
        }
    }
    Ok(found)
}

fn step(found: &mut Found<'_>, name: String) -> Result<(), String> {
    let props = found.props;
    if !props.properties.is_empty() {
        found.props = props
            .properties
            .get(&name)
            .ok_or("does not refer to a valid field")?;
        if !found.shown.is_empty() {
            found.shown.push('.');
        }
        found.shown.push_str(&name);
    } else {
        found.props = props
            .additional()
            .ok_or("does not refer to a valid field")?;
        found.shown.push_str(&format!("[{name}]"));
    }
    found.names.push(name);
    Ok(())
}

fn tokens(path: &str) -> Vec<&str> {
    let mut out = Vec::new();
    let mut rest = path;
    while !rest.is_empty() {
        let end = if rest.starts_with('\'') {
            let bytes = rest.as_bytes();
            (1..bytes.len())
                .find(|&i| bytes.get(i) == Some(&b'\'') && bytes.get(i - 1) != Some(&b'\\'))
                .map_or(rest.len(), |i| i + 1)
        } else {
            match rest.find(['.', '[', ']']) {
                Some(0) => 1,
                Some(at) => at,
                None => rest.len(),
            }
        };
        let (token, after) = rest.split_at(end);
        out.push(token);
        rest = after;
    }
    out
}

fn unescape(text: &str) -> Result<String, String> {
    let mut out = String::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            out.push(c);
            continue;
        }
        out.push(match chars.next() {
            Some('a') => '\u{7}',
            Some('b') => '\u{8}',
            Some('f') => '\u{c}',
            Some('n') => '\n',
            Some('r') => '\r',
            Some('t') => '\t',
            Some('v') => '\u{b}',
            Some('\'') => '\'',
            Some('\\') => '\\',
            Some(other) => {
                return Err(format!(
                    "invalid string literal: invalid escape char \\{other}"
                ));
            }
            None => '\\',
        });
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn paths_are_followed_or_refused() {
        let props = Props::parse(&json!({"type": "object", "properties": {
            "a": {"type": "object", "properties": {"b.c": {"type": "string"}, "d": {"type": "integer"}}},
            "m": {"type": "object", "additionalProperties": {"type": "string"}}}}));
        assert_eq!(
            follow(".a.d", &props, false).map(|found| found.shown),
            Ok("a.d".into())
        );
        assert_eq!(
            follow(".a['b.c']", &props, true).map(|found| found.shown),
            Ok("a.b.c".into())
        );
        assert_eq!(
            follow(".m['k']", &props, true).map(|found| found.shown),
            Ok("m[k]".into())
        );
        assert_eq!(
            follow(".a['b.c']", &props, false).map(|found| found.shown),
            Err("array notation is not allowed".into())
        );
        assert_eq!(
            follow(".b", &props, true).map(|found| found.shown),
            Err("does not refer to a valid field".into())
        );
        assert_eq!(
            follow("a", &props, true).map(|found| found.shown),
            Err("expected [ or . but got: a".into())
        );
    }
}
