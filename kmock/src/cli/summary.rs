//! What was asked, in a few lines.

use std::collections::BTreeMap;

use kmock::Report;

/// How many different requests a summary lists, and how much of each path.
const LISTED: usize = 20;
const SHOWN: usize = 120;

/// Requests counted by method, path and status, the most frequent first.
pub(crate) fn text(report: &Report) -> String {
    let mut counts: BTreeMap<(&str, &str, u16), usize> = BTreeMap::new();
    for entry in &report.entries {
        let path = entry.path.split('?').next().unwrap_or_default();
        let what = (
            entry.method.as_str(),
            path,
            entry.status.unwrap_or_default(),
        );
        *counts.entry(what).or_default() += 1;
    }
    let mut counts: Vec<_> = counts.into_iter().collect();
    counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let all = report.forgotten + report.entries.len();
    let mut text = match (all, report.forgotten) {
        (0, _) => "nothing was asked\n".to_owned(),
        (1, 0) => "1 request:\n".to_owned(),
        (n, 0) => format!("{n} requests:\n"),
        (n, forgotten) => {
            format!("{n} requests; {forgotten} are forgotten (see --keep), the others:\n")
        }
    };
    for ((method, path, status), count) in counts.iter().take(LISTED) {
        let status = match status {
            0 => "…".to_owned(),
            status => status.to_string(),
        };
        let path = shown(path);
        text.push_str(&format!("{count:>6} × {method} {path} → {status}\n"));
    }
    if let Some(more @ 1..) = counts.len().checked_sub(LISTED) {
        text.push_str(&format!("         and {more} more kinds\n"));
    }
    for error in report.errors.iter().take(LISTED) {
        text.push_str(&format!("error: {}\n", shown(error)));
    }
    text
}

/// A text that came from outside, for a terminal: in one line of some length, and without what a terminal obeys.
pub(crate) fn shown(text: &str) -> String {
    let obeyed = |c: char| {
        // Control characters, and what turns the direction of writing (Unicode, UAX #9) or is not seen.
        c.is_control()
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
    };
    let mut out = String::new();
    for (n, c) in text.chars().enumerate() {
        if n >= SHOWN {
            out.push('…');
            break;
        }
        match obeyed(c) {
            true => out.extend(c.escape_unicode()),
            false => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_a_request_reaches_the_terminal_raw() {
        assert_eq!(shown("/a\u{9b}b\u{202e}c\n"), "/a\\u{9b}b\\u{202e}c\\u{a}");
        assert_eq!(shown(&"ä".repeat(500)).chars().count(), SHOWN + 1);
    }
}
