//! Rules on the command line: `FILTER => [STATUS] [BODY]`.

use std::{fs, path::Path};

use kmock::{Filter, Location, Reply, Rule};
use serde_json::Value;

use crate::cli::text;

/// Reads a rule: a filter in the string notation, then a status, a body, or both. A body is JSON where it can be
/// read so, `@FILE` is a file read again for each request, and anything else is text.
pub(crate) fn parse(text: &str) -> Result<Rule, String> {
    let Some((filter, reply)) = text.split_once("=>") else {
        return Err(
            "expected `FILTER => REPLY`, as in 'get /hello => 200 {\"hello\": \"world\"}'"
                .to_owned(),
        );
    };
    let filter = Filter::parse(filter).map_err(|error| {
        let narrowed = QUALIFIERS.iter().any(|word| filter.contains(&format!(" {word} ")));
        match narrowed {
            true => format!(
                "{error}; a rule of the command line has a method and a path with its query, or a verb and a resource, \
                 as in 'GET \"/hello?page=1\" => 200': what narrows it further is for rules in Rust"
            ),
            false => error.to_string(),
        }
    })?;
    let reply = without_semicolon(reply.trim());
    let (first, rest) = reply.split_once(' ').unwrap_or((reply, ""));
    let is_number = !first.is_empty() && first.bytes().all(|byte| byte.is_ascii_digit());
    let (made, body) = match first.parse::<u16>() {
        Ok(status @ 200..=999) if first.len() == 3 => (Reply::new().status(status), rest.trim()),
        _ if is_number => {
            return Err(format!(
                "`{first}` is no status: 200 to 999 are; a body that begins so is written in quotes, as JSON: '\"{reply}\"', or \
                 after a status: '200 {reply}'"
            ));
        }
        _ => (Reply::new(), reply),
    };
    let made = match body.strip_prefix('@') {
        Some(path) => {
            if let Err(error) = fs::metadata(path) {
                warn(
                    text,
                    &format!("{path}: {error}; until it is there, the answer is a 500"),
                );
            }
            made.file(path)
        }
        None if body.is_empty() => made,
        None => match serde_json::from_str::<Value>(body) {
            Ok(json) => made.json(json),
            Err(error) => {
                if body.starts_with(['{', '[', '"']) {
                    warn(
                        text,
                        &format!("the body is no JSON and goes out as text: {error}"),
                    );
                }
                made.text(body)
            }
        },
    };
    Ok(Rule::on(filter).named(text).reply(made))
}

/// A rule of `kmock!` ends with a semicolon: after a status and after JSON it cannot be meant otherwise.
fn without_semicolon(reply: &str) -> &str {
    let Some(less) = reply.strip_suffix(';').map(str::trim_end) else {
        return reply;
    };
    let (first, rest) = less.split_once(' ').unwrap_or((less, ""));
    let is_status = first.len() == 3 && first.bytes().all(|byte| byte.is_ascii_digit());
    let body = if is_status { rest.trim() } else { less };
    let is_meant = body.is_empty() || serde_json::from_str::<Value>(body).is_ok();
    if is_meant { less } else { reply }
}

fn warn(rule: &str, text: &str) {
    eprintln!("kmock: warning: '{rule}': {text}");
}

/// The words that narrow a rule down in Rust.
const QUALIFIERS: &[&str] = &[
    "query", "header", "cookie", "json", "form", "part", "body", "text", "host", "from", "where",
    "in", "named", "sub",
];

/// Reads a file of rules, one a line.
pub(crate) fn read(path: &Path) -> Result<Vec<Rule>, String> {
    let shown = text::shown(path);
    let text = text::read(path).map_err(|error| format!("--rules {shown}: {error}"))?;
    let lines = text.lines().enumerate();
    lines
        .map(|(at, line)| (at + 1, line.trim()))
        .filter(|(_, line)| !line.is_empty() && !line.starts_with('#'))
        .map(|(at, line)| match parse(line) {
            Ok(rule) => Ok(rule.written_at(place(&shown, at))),
            Err(error) => Err(format!("{shown}:{at}: '{line}': {error}")),
        })
        .collect()
}

/// A place for reports. Its name lives as long as the program, which reads rules once.
pub(crate) fn place(name: &str, line: usize) -> Location {
    Location {
        file: name.to_owned().leak(),
        line: u32::try_from(line).unwrap_or(u32::MAX),
        column: 1,
    }
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn semicolons_of_rust_are_none_of_the_answer() {
        for (reply, left) in [
            ("200;", "200"),
            ("201 {\"a\": 1} ;", "201 {\"a\": 1}"),
            ("\"x;\";", "\"x;\""),
            ("200 a=1;", "200 a=1;"),
            ("let x;", "let x;"),
            (";", ""),
        ] {
            assert_eq!(super::without_semicolon(reply), left, "{reply}");
        }
    }

    #[test]
    fn rules_have_a_filter_and_a_reply() {
        for text in [
            "get /x => 200 {\"a\": 1}",
            "/x => hello world",
            "/x => 404",
            "post => @file.json",
            "list pods.v1 => 500",
            "GET \"/x\" => 200",
            "list \"v1/pods\" => 500",
            "list deployments.apps => 500",
            "get pods/log => hello",
            "get /h?q=a%20b => x",
            "GET \"/x\" => 200;",
            "GET \"/x\" => 200 {\"a\": 1};",
        ] {
            assert!(parse(text).is_ok(), "{text}");
        }
        for (text, reason) in [
            ("get /x", "expected `FILTER => REPLY`"),
            ("?? => 1", "no method, verb, path or resource"),
            ("get /y => 1000 b", "`1000` is no status"),
            ("get /y => 20 c", "`20` is no status"),
            ("get /y => 099", "`099` is no status"),
            ("get /y => 103", "`103` is no status"),
            (
                "get /x header a=b => 200",
                "narrows it further is for rules in Rust",
            ),
            ("GET \"/x\" header { \"a\": \"b\" } => 200", "rules in Rust"),
            ("get /a b => 1", "a path has no spaces"),
            ("list v1/pod => 1", "did you mean `pods`"),
            ("post pods.v1 => 1", "create pods.v1"),
            ("gte /x => 1", "did you mean `get`"),
            ("get https://example.com/x => 1", "plain HTTP"),
        ] {
            let error = parse(text).expect_err(text);
            assert!(error.contains(reason), "{error}");
        }
    }
}
