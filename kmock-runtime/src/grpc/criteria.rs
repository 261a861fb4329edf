//! Which calls: by service and method, and by what their messages say.

use std::fmt;

use serde_json::Value;

use crate::{
    criteria::{Filter, Matcher, Pattern},
    request::Request,
};

impl Filter {
    /// Calls of gRPC to a method: `demo.Greeter/SayHello`, `demo.Greeter/*`, `*`.
    #[track_caller]
    pub fn grpc(method: impl Into<Pattern>) -> Filter {
        Filter::custom(CallIs(method.into()))
    }

    /// Calls with a message that has all of this, and maybe more: the only one, or any of those that are streamed.
    #[track_caller]
    pub fn message(pattern: impl Into<Pattern>) -> Filter {
        Filter::custom(MessageIs(pattern.into()))
    }
}

struct CallIs(Pattern);

impl Matcher for CallIs {
    fn asks_body(&self) -> bool {
        false
    }

    fn matches(&self, request: &Request) -> bool {
        let path = request.url_path();
        let fits = |path: &str| self.0.matches_text(Some(path));
        request.grpc().is_some() && (fits(path.trim_start_matches('/')) || fits(path))
    }

    fn got(&self, request: &Request) -> String {
        match request.grpc() {
            Some(call) => format!("\"{}/{}\"", call.service(), call.method()),
            None => "no call of gRPC".to_owned(),
        }
    }
}

impl fmt::Display for CallIs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "grpc {}", self.0)
    }
}

struct MessageIs(Pattern);

impl Matcher for MessageIs {
    fn matches(&self, request: &Request) -> bool {
        let messages = request.grpc().map(|call| call.json()).unwrap_or_default();
        messages.iter().any(|message| self.0.matches(Some(message)))
    }

    fn got(&self, request: &Request) -> String {
        let Some(call) = request.grpc() else {
            return "no call of gRPC".to_owned();
        };
        if let Some(why) = call.broken() {
            return why;
        }
        let messages = call.json();
        if messages.is_empty() {
            return "no message".to_owned();
        }
        if messages.iter().all(Value::is_null) {
            return "messages that nobody can read: give the descriptors to `k.descriptors(…)`"
                .to_owned();
        }
        let messages: Vec<String> = messages.iter().map(ToString::to_string).collect();
        messages.join(", ")
    }
}

impl fmt::Display for MessageIs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "message {}", self.0)
    }
}
