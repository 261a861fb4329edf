//! Criteria of what comes after the body of a request.

use std::fmt;

use crate::{
    criteria::{Filter, Matcher, Pattern},
    request::Request,
};

impl Filter {
    /// Requests with a trailer like this, after a body in chunks or on HTTP/2 (RFC 9110, 6.5); as [`Filter::header`].
    #[track_caller]
    pub fn trailer(name: impl Into<String>, value: impl Into<Pattern>) -> Filter {
        Filter::custom(TrailerIs(name.into(), value.into()))
    }
}

struct TrailerIs(String, Pattern);

impl TrailerIs {
    fn values(&self, request: &Request) -> Vec<String> {
        let values = request.trailers().get_all(&self.0);
        values
            .into_iter()
            .map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
            .collect()
    }
}

impl Matcher for TrailerIs {
    fn matches(&self, request: &Request) -> bool {
        let values = self.values(request);
        let values: Vec<&str> = values.iter().map(String::as_str).collect();
        self.1.matches_texts(&values)
    }

    fn got(&self, request: &Request) -> String {
        match self.values(request) {
            values if values.is_empty() => "nothing".to_owned(),
            values => format!("{:?}", values.join(", ")),
        }
    }
}

impl fmt::Display for TrailerIs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "trailer {:?}: {}", self.0, self.1)
    }
}
