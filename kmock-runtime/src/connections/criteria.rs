//! Which rules are for connections, and what they ask.

use std::fmt;

use crate::{
    criteria::{Criterion, Filter, Matcher, Node},
    request::Request,
};

impl Filter {
    /// Connections as they come in, before anything is asked: their rules delay, refuse and break them, and say what is presented
    /// in the handshake. [`Filter::peer`] narrows them, and [`Filter::host`] is the host that TLS asks for.
    ///
    /// ```
    /// # use kmock_runtime as kmock;
    /// use kmock::{Fault, Filter, Rule};
    ///
    /// let first_two = Rule::on(Filter::connection()).slice(..2).fault(Fault::reset());
    /// # drop(first_two);
    /// ```
    #[track_caller]
    pub fn connection() -> Filter {
        Filter::custom(IsConnection)
    }

    /// Whether it is for connections, and not for requests.
    pub(crate) fn is_for_connections(&self) -> bool {
        match self.tree() {
            Node::Is(Criterion::Custom(matcher), _) => matcher.is_for_connections(),
            Node::Is(..) => false,
            Node::All(all) => all.iter().any(Filter::is_for_connections),
            Node::Any(any) => any.iter().any(Filter::is_for_connections),
            Node::Not(_) => false,
        }
    }

    /// Whether it asks for the host, which a connection tells only in its handshake.
    pub(crate) fn asks_host(&self) -> bool {
        match self.tree() {
            Node::Is(criterion, _) => matches!(criterion, Criterion::Host(_)),
            Node::All(all) => all.iter().any(Filter::asks_host),
            Node::Any(any) => any.iter().any(Filter::asks_host),
            Node::Not(filter) => filter.asks_host(),
        }
    }
}

struct IsConnection;

impl Matcher for IsConnection {
    fn matches(&self, request: &Request) -> bool {
        request.is_connection()
    }

    fn got(&self, _: &Request) -> String {
        "a request".to_owned()
    }

    fn is_for_connections(&self) -> bool {
        true
    }
}

impl fmt::Display for IsConnection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("connection")
    }
}
