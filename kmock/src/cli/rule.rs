//! Rules on the command line: `FILTER => [STATUS] [BODY]`.

use std::{fs, path::Path};

use kmock::{Filter, Location, Reply, Rule};
use serde_json::Value;

/// Reads a rule: a filter in the string notation, then a status, a body, or both. A body is JSON where it can be
/// read so, `@FILE` is a file read again for each request, and anything else is text.
pub(crate) fn parse(text: &str) -> Result<Rule, String> {
    let Some((filter, reply)) = text.split_once("=>") else {
        return Err(
            "expected `FILTER => REPLY`, as in 'get /hello => 200 {\"hello\": \"world\"}'"
                .to_owned(),
        );
    };
    let filter = Filter::parse(filter).map_err(|error| error.to_string())?;
    let reply = reply.trim();
    let (first, rest) = reply.split_once(' ').unwrap_or((reply, ""));
    let status = first
        .parse::<u16>()
        .ok()
        .filter(|status| (100..=999).contains(status));
    let (made, body) = match status {
        Some(status) => (Reply::new().status(status), rest.trim()),
        None => (Reply::new(), reply),
    };
    let made = match body.strip_prefix('@') {
        Some(path) => made.file(path),
        None if body.is_empty() => made,
        None => match serde_json::from_str::<Value>(body) {
            Ok(json) => made.json(json),
            Err(_) => made.text(body),
        },
    };
    Ok(Rule::on(filter).named(text).reply(made))
}

/// Reads a file of rules, one a line.
pub(crate) fn read(path: &Path) -> Result<Vec<Rule>, String> {
    let shown = path.display();
    let text = fs::read_to_string(path).map_err(|error| format!("--rules {shown}: {error}"))?;
    let lines = text.lines().enumerate();
    lines
        .map(|(at, line)| (at + 1, line.trim()))
        .filter(|(_, line)| !line.is_empty() && !line.starts_with('#'))
        .map(|(at, line)| match parse(line) {
            Ok(rule) => Ok(rule.written_at(place(&shown.to_string(), at))),
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
    fn rules_have_a_filter_and_a_reply() {
        for text in [
            "get /x => 200 {\"a\": 1}",
            "/x => hello world",
            "/x => 404",
            "post => @file.json",
            "list pods.v1 => 500",
        ] {
            assert!(parse(text).is_ok(), "{text}");
        }
        for (text, reason) in [
            ("get /x", "expected `FILTER => REPLY`"),
            ("?? => 1", "neither"),
        ] {
            let error = parse(text).expect_err(text);
            assert!(error.contains(reason), "{error}");
        }
    }
}
