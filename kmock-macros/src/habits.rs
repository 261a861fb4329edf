//! What users bring along from other tools, from Kubernetes and from Python: words that are none here, and what to
//! write instead.

/// Words where a criterion stands.
const CRITERIA: &[(&[&str], &str)] = &[
    (&["namespace", "namespaced", "ns"], "write `in \"default\"`"),
    (&["name", "called"], "write `named \"web\"`"),
    (
        &["labels", "label", "selector", "label_selector"],
        "write `query { \"labelSelector\": \"app=web\" }`",
    ),
    (
        &["fields", "field_selector"],
        "write `query { \"fieldSelector\": \"metadata.name=web\" }`",
    ),
    (
        &["status", "subresource"],
        "write `sub \"status\"`, or name it in the resource: \"apps/v1/deployments/status\"",
    ),
    (
        &["apply"],
        "to apply is to patch: write `patch \"apps/v1/deployments\"`",
    ),
    (&["read", "describe"], "write `get \"v1/pods\"`"),
    (&["replace", "edit"], "write `update \"v1/pods\"`"),
    (&["remove"], "write `delete \"v1/pods\"`"),
    (
        &[
            "params",
            "param",
            "args",
            "querystring",
            "query_param",
            "query_params",
            "query_matches",
            "search_params",
        ],
        "write `query { \"page\": 1 }`",
    ),
    (
        &["headers", "match_header", "header_exists", "bearer_token"],
        "write `header { \"X-Token\": _ }`",
    ),
    (
        &["data", "payload", "content"],
        "write `json { … }`, `form { … }` or `text \"…\"`",
    ),
    (
        &[
            "body_json",
            "json_body",
            "body_partial_json",
            "match_body",
            "partial_json",
        ],
        "write `json { … }` for a part of the body, `json == { … }` for all of it",
    ),
    (
        &[
            "body_string",
            "body_string_contains",
            "body_contains",
            "contains",
        ],
        "write `text \"*part*\"`",
    ),
    (
        &["multipart", "file", "files", "upload"],
        "write `part \"avatar\" { filename: \"*.png\", type: \"image/*\" }`, or `form { \"field\": _ }` for texts",
    ),
    (
        &[
            "times",
            "up_to_n_times",
            "expect",
            "expects",
            "expect_at_least",
        ],
        "write `#[expect(2)]` before the rule",
    ),
    (
        &["priority", "with_priority"],
        "write `#[priority(100)]` before the rule",
    ),
    (
        &["once"],
        "write `[0]` after the criteria for the first request only, `#[expect(1)]` before the rule to be sure of one",
    ),
    (
        &["if", "when", "matches", "matching", "condition"],
        "write `where |req| …`",
    ),
    (
        &["and", "with"],
        "criteria follow one another: `GET \"/\" header { \"X-Token\": _ }`",
    ),
    (&["or"], "write `|`: `GET | POST \"/\"`, `\"/a\" | \"/b\"`"),
    (
        &["not", "without"],
        "write `!`: `!header { \"X-Trace\": _ }`",
    ),
    (
        &["default", "otherwise", "else", "catchall"],
        "write `fallback => 404;`",
    ),
    (
        &["at_least", "at_most", "exactly", "more_than", "less_than"],
        "write `== 1`, `>= 1`, `<= 3` or `in 1..=3`",
    ),
    (&["any", "anything", "everything"], "write `ANY`"),
    (&["method"], "methods stand for themselves: `GET \"/\"`"),
    (
        &["path", "url", "uri", "route", "url_path"],
        "a path stands for itself: `GET \"/hello\"`; one that is a value of Rust in parentheses: `GET (path)`",
    ),
    (
        &["path_regex", "re", "regex", "regexp", "url_pattern"],
        "write ~\"/v[0-9]+\"",
    ),
    (
        &["websocket", "ws"],
        "write `GET \"/\" => websocket [ … ];`",
    ),
    (
        &["sse", "events"],
        "write `stream GET \"/\" => [ sse { data: 1 } ];`",
    ),
    (
        &[
            "reply",
            "respond",
            "respond_with",
            "return",
            "returns",
            "then",
            "then_return",
            "will_return",
        ],
        "write `=> 200`",
    ),
    (
        &["mock", "given", "expect_request", "add_response"],
        "a rule is its criteria and its reply: `GET \"/hello\" => 200;`",
    ),
];

/// Words where a part of a reply stands.
const REPLIES: &[(&[&str], &str)] = &[
    (
        &["status", "code", "status_code", "with_status"],
        "write the number alone: `404`",
    ),
    (
        &[
            "body",
            "content",
            "payload",
            "data",
            "raw",
            "html",
            "with_body",
            "set_body",
        ],
        "write `text \"…\"`, `b\"…\"` or `{ \"a\": 1 }`",
    ),
    (&["bytes"], "write `b\"…\"`"),
    (
        &["headers", "set_header", "append_header", "with_header"],
        "write `header { \"X-A\": \"1\" }`",
    ),
    (&["lambda", "def", "fn", "function"], "write `|req| …`"),
    (
        &["raise", "throw", "error", "abort", "fail"],
        "write a status such as `500`, or a fault such as `reset`",
    ),
    (
        &["location", "redirect_to"],
        "write `redirect \"/new\"`, or `308, redirect \"/new\"`",
    ),
    (
        &["cache", "cached", "if_none_match", "conditional"],
        "write `etag \"v1\"`, or `etag` for one that is made of the body",
    ),
    (&["range", "accept_ranges"], "write `ranges`"),
    (
        &["respond", "respond_with", "reply", "returns"],
        "the reply stands for itself: `=> 200`",
    ),
    (
        &["timeout"],
        "write `stall` to never answer, `sleep(30s)` to answer late",
    ),
    (
        &["sequence", "each", "in_turn", "cycle"],
        "write `503, then 429, then 200`; `then again` at the end begins anew",
    ),
    (&["chunks", "chunked", "yield"], "write `stream [ … ]`"),
    (
        &["sse", "event", "events"],
        "write `stream [ sse { data: 1 } ]`",
    ),
    (&["ws"], "write `websocket [ … ]`"),
    (
        &["pass", "passthrough", "next"],
        "a rule without `=>` records and lets the request go on; after some answers, write `200, then pass`",
    ),
];

/// Words that stand alone where a reply stands. `drop` would be a function of Rust's, and an empty answer.
const ALONE: &[(&[&str], &str)] = &[
    (
        &["drop", "disconnect", "hangup", "hang_up"],
        "write `close` for FIN instead of an answer, `reset` for RST",
    ),
    (
        &["timeout", "hang", "never"],
        "write `stall` to never answer, `sleep(30s)` to answer late",
    ),
];

/// How the words of replies are written.
const SHAPES: &[(&[&str], &str)] = &[
    (&["header"], "write `header { \"X-A\": \"1\" }`"),
    (&["cookie"], "write `cookie { \"session\": \"1\" }`"),
    (&["text"], "write `text \"raw\"`, or `text (expr)`"),
    (&["json"], "write `json(value)`, or `{ \"a\": 1 }`"),
    (&["stream"], "write `stream [ … ]`, or `stream (expr)`"),
    (
        &["websocket"],
        "write `websocket [ … ]`, or `websocket (expr)`",
    ),
    (
        &["hold"],
        "write `hold(&gate)`, with `let gate = Gate::new();`",
    ),
    (&["wait"], "write `wait(event)`"),
    (&["sleep", "delay"], "write `sleep(1s)`"),
    (&["slow"], "write `slow 64kB/s`"),
    (&["unread"], "write `unread`, or `unread after 1000`"),
    (
        &["proxy"],
        "write `proxy \"http://localhost:8080\"`, or `proxy (url)`",
    ),
    (
        &["record"],
        "write `record \"https://api.example.com\"`, or `record (url)`",
    ),
    (
        &["replay"],
        "write `replay \"api.har\"`, `replay strict \"api.har\"` or `replay in_order \"api.har\"`",
    ),
];

fn find(table: &[(&[&str], &'static str)], word: &str) -> Option<&'static str> {
    let word = word.to_lowercase();
    table
        .iter()
        .find(|(words, _)| words.contains(&word.as_str()))
        .map(|(_, help)| *help)
}

/// What the language has for another tool's criterion.
pub(crate) fn criterion(word: &str) -> Option<&'static str> {
    find(CRITERIA, word)
}

/// What the language has for another tool's part of a reply.
pub(crate) fn reply(word: &str) -> Option<&'static str> {
    find(REPLIES, word)
}

/// What the language has for a word that is all of a reply.
pub(crate) fn alone(word: &str) -> Option<&'static str> {
    find(ALONE, word)
}

/// How a word of replies is written, for those who write it in another way.
pub(crate) fn shape(word: &str) -> Option<&'static str> {
    find(SHAPES, word)
}
