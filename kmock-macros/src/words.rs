//! The words of the language, and which of them somebody may have meant.

pub(crate) use kmock_notation::{
    GRPC_CODES, HEADS as VERBS, HTTP2_ERRORS, METHODS, STREAMED, did_you_mean, nearest,
};

/// What narrows a head down.
pub(crate) const QUALIFIERS: &[&str] = &[
    "query",
    "header",
    "cookie",
    "json",
    "form",
    "part",
    "body",
    "text",
    "host",
    "from",
    "where",
    "in",
    "named",
    "sub",
    "client_cert",
    "trailer",
    "connection",
    "grpc",
    "message",
];

/// The facts of a part of a multipart body.
pub(crate) const PART_FACTS: &[&str] = &["filename", "type", "text", "json", "body"];

/// The words before a head.
pub(crate) const PREFIXES: &[&str] = &["override", "fallback", "stream", "let", "in_order"];

/// What is declared of a cluster that lives.
pub(crate) const DECLARATIONS: &[&str] = &["node", "image", "stage"];

/// The fields of a node.
pub(crate) const NODES: &[&str] = &[
    "cpu", "memory", "pods", "capacity", "label", "zone", "taint",
];

/// What an image does.
pub(crate) const IMAGES: &[&str] = &[
    "exit",
    "out_of_memory",
    "log",
    "message",
    "ready",
    "pull",
    "ignores_stop",
    "exec",
    "after",
];

/// What becomes of the objects of a stage.
pub(crate) const STAGES: &[&str] = &["status", "patch", "delete"];

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
    "unread",
    "goaway",
    "proxy",
    "wait",
    "websocket",
    "exec",
    "trailer",
    "hint",
    "http",
    "until_eof",
    "as_written",
    "certificate",
    "tls",
    "limit",
    "grpc",
    "record",
    "replay",
    "then",
    "with",
    "redirect",
    "problem",
    "etag",
    "last_modified",
    "ranges",
];

/// The failures of the Kubernetes API, in replies of rules that speak of it.
pub(crate) const FAILURES: &[&str] = &[
    "bad_request",
    "unauthorized",
    "forbidden",
    "not_found",
    "already_exists",
    "conflict",
    "expired",
    "invalid",
    "too_many",
    "internal",
    "unavailable",
    "timeout",
];

/// The words of stream items.
pub(crate) const ITEMS: &[&str] = &[
    "sleep", "wait", "once", "from", "sse", "hold", "for", "json", "text", "file", "head", "stop",
    "null", "goaway", "reset", "close", "truncate", "garbage", "stall",
];

/// Whether a word is written as HTTP methods are.
pub(crate) fn is_upper(word: &str) -> bool {
    word.starts_with(|c: char| c.is_ascii_uppercase())
        && word
            .chars()
            .all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_find_the_word_that_was_meant() {
        assert_eq!(
            nearest("headers", QUALIFIERS.iter().copied()),
            Some("header")
        );
        assert_eq!(nearest("nothing_like_it", QUALIFIERS.iter().copied()), None);
    }
}
