//! What was asked, in a few lines.

use std::collections::BTreeMap;

use kmock::Requests;

/// How many different requests a summary lists.
const LISTED: usize = 20;

/// Requests counted by method, path and status, the most frequent first.
pub(crate) fn text(requests: &Requests) -> String {
    let mut counts: BTreeMap<(String, String, u16), usize> = BTreeMap::new();
    for seen in requests {
        let what = (
            seen.method().to_string(),
            seen.url_path().to_owned(),
            seen.status().unwrap_or_default(),
        );
        *counts.entry(what).or_default() += 1;
    }
    let mut counts: Vec<_> = counts.into_iter().collect();
    counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let mut text = match requests.len() {
        0 => "nothing was asked\n".to_owned(),
        1 => "1 request:\n".to_owned(),
        n => format!("{n} requests:\n"),
    };
    for ((method, path, status), count) in counts.iter().take(LISTED) {
        let status = match status {
            0 => "…".to_owned(),
            status => status.to_string(),
        };
        text.push_str(&format!("{count:>6} × {method} {path} → {status}\n"));
    }
    if let Some(more @ 1..) = counts.len().checked_sub(LISTED) {
        text.push_str(&format!("         and {more} more kinds\n"));
    }
    text
}
