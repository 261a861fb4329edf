//! The words of requests, and which of them somebody may have meant.

/// The HTTP methods that have a name of their own: the registry of RFC 9110, WebDAV, and caches' `PURGE`.
/// Other upper-case words are methods too, unless they look like a slip of one of these.
pub const METHODS: &[&str] = &[
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

/// The methods that string notation has in any case; others are in upper case.
pub(crate) const ANY_CASE: &[&str] = &[
    "any", "get", "head", "post", "put", "patch", "delete", "options", "trace", "connect", "query",
];

/// The verbs of the Kubernetes API, and `fetch`, which the Python library says for `get`.
pub const VERBS: &[&str] = HEADS.split_at(HEADS.len() - STREAMED_ONES).0;

/// What is asked of containers in the manner of verbs: a subresource of Pods, to which clients connect by `get` over WebSockets and by
/// `create` over SPDY.
pub const STREAMED: &[&str] = HEADS.split_at(HEADS.len() - STREAMED_ONES).1;

/// They stand last.
const STREAMED_ONES: usize = 2;

/// Both: the words before a resource, in the language.
pub const HEADS: &[&str] = &[
    "list",
    "get",
    "watch",
    "create",
    "update",
    "patch",
    "delete",
    "deletecollection",
    "fetch",
    "exec",
    "attach",
];

/// The error codes of HTTP/2 by their numbers (RFC 9113, section 7).
pub const HTTP2_ERRORS: [&str; 14] = [
    "NO_ERROR",
    "PROTOCOL_ERROR",
    "INTERNAL_ERROR",
    "FLOW_CONTROL_ERROR",
    "SETTINGS_TIMEOUT",
    "STREAM_CLOSED",
    "FRAME_SIZE_ERROR",
    "REFUSED_STREAM",
    "CANCEL",
    "COMPRESSION_ERROR",
    "CONNECT_ERROR",
    "ENHANCE_YOUR_CALM",
    "INADEQUATE_SECURITY",
    "HTTP_1_1_REQUIRED",
];

/// The codes of gRPC's statuses by their numbers.
pub const GRPC_CODES: [&str; 17] = [
    "OK",
    "CANCELLED",
    "UNKNOWN",
    "INVALID_ARGUMENT",
    "DEADLINE_EXCEEDED",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "FAILED_PRECONDITION",
    "ABORTED",
    "OUT_OF_RANGE",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
    "UNAUTHENTICATED",
];

/// The candidate that was probably meant: few letters off, or the same but for case.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
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
pub fn did_you_mean<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> String {
    nearest(word, candidates).map_or_else(String::new, |found| format!("; did you mean `{found}`?"))
}

/// How many letters must be added, dropped, changed or swapped with their neighbour (Levenshtein with
/// transpositions, "optimal string alignment"); of long texts, the first 256 letters count.
pub fn distance(a: &str, b: &str) -> usize {
    let letters = |text: &str| text.chars().take(256).collect::<String>();
    strsim::osa_distance(&letters(a), &letters(b))
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
            (VERBS.last(), STREAMED),
            (Some(&"fetch"), &["exec", "attach"][..])
        );
        assert_eq!(nearest("nothing_like_it", VERBS.iter().copied()), None);
    }

    #[test]
    fn edit_distances() {
        assert_eq!(distance("/hello", "/helo"), 1);
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(distance("", "ab"), 2);
        assert_eq!(distance("nmae", "name"), 1);
    }
}
