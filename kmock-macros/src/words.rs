//! The words of the language, and which of them somebody may have meant.

/// The HTTP methods that have a name of their own: the registry of RFC 9110, WebDAV, and caches' `PURGE`.
/// Other upper-case words are methods too, unless they look like a slip of one of these.
pub(crate) const METHODS: &[&str] = &[
    "GET",
    "POST",
    "PUT",
    "PATCH",
    "DELETE",
    "HEAD",
    "OPTIONS",
    "TRACE",
    "CONNECT",
    "QUERY",
    "PROPFIND",
    "PROPPATCH",
    "MKCOL",
    "COPY",
    "MOVE",
    "LOCK",
    "UNLOCK",
    "SEARCH",
    "REPORT",
    "PURGE",
    "LINK",
    "UNLINK",
];

/// The verbs of the Kubernetes API, and `fetch`, which the Python library says for `get`.
pub(crate) const VERBS: &[&str] = &[
    "list",
    "get",
    "watch",
    "create",
    "update",
    "patch",
    "delete",
    "deletecollection",
    "fetch",
];

/// What narrows a head down.
pub(crate) const QUALIFIERS: &[&str] = &[
    "query", "header", "cookie", "json", "form", "part", "body", "text", "host", "from", "where",
    "in", "named", "sub",
];

/// The facts of a part of a multipart body.
pub(crate) const PART_FACTS: &[&str] = &["filename", "type", "text", "json", "body"];

/// The words before a head.
pub(crate) const PREFIXES: &[&str] = &["override", "fallback", "stream", "let", "in_order"];

/// The words of replies.
pub(crate) const REPLIES: &[&str] = &[
    "header",
    "cookie",
    "text",
    "json",
    "file",
    "stream",
    "hold",
    "sleep",
    "delay",
    "reset",
    "close",
    "truncate",
    "promise",
    "garbage",
    "stall",
    "slow",
    "proxy",
    "wait",
    "websocket",
];

/// The words of stream items.
pub(crate) const ITEMS: &[&str] = &[
    "sleep", "wait", "once", "from", "sse", "hold", "for", "json", "text", "file", "head", "stop",
    "null", "reset", "close", "truncate", "garbage", "stall",
];

/// Whether a word is written as HTTP methods are.
pub(crate) fn is_upper(word: &str) -> bool {
    word.starts_with(|c: char| c.is_ascii_uppercase())
        && word
            .chars()
            .all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_')
}

/// The candidate that was probably meant: few letters off, or the same but for case.
pub(crate) fn nearest<'a>(
    word: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let lower = word.to_lowercase();
    let reach = match word.chars().count() {
        0..=2 => 1,
        3..=5 => 2,
        _ => 3,
    };
    candidates
        .into_iter()
        .map(|candidate| (distance(&lower, &candidate.to_lowercase()), candidate))
        .filter(|(off, candidate)| {
            // A word cut short, or without its first half, is no slip of letters.
            let part = lower.len() >= 4 && candidate.to_lowercase().contains(&lower);
            part || *off <= reach && *off < candidate.len()
        })
        .min_by_key(|(off, candidate)| {
            (*off, letters(&lower) != letters(&candidate.to_lowercase()))
        })
        .map(|(_, candidate)| candidate)
}

/// Swapped letters are the likeliest slip.
fn letters(word: &str) -> Vec<char> {
    let mut letters: Vec<char> = word.chars().collect();
    letters.sort_unstable();
    letters
}

/// `; did you mean …?`, or nothing.
pub(crate) fn did_you_mean<'a>(
    word: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> String {
    nearest(word, candidates).map_or_else(String::new, |found| format!("; did you mean `{found}`?"))
}

/// Edits between two words, where swapping two neighbours is one.
pub(crate) fn distance(a: &str, b: &str) -> usize {
    strsim::osa_distance(a, b)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_find_the_word_that_was_meant() {
        assert_eq!(nearest("GTE", METHODS.iter().copied()), Some("GET"));
        assert_eq!(nearest("PSOT", METHODS.iter().copied()), Some("POST"));
        assert_eq!(nearest("lsit", VERBS.iter().copied()), Some("list"));
        assert_eq!(
            nearest("headers", QUALIFIERS.iter().copied()),
            Some("header")
        );
        assert_eq!(nearest("nothing_like_it", VERBS.iter().copied()), None);
    }
}
