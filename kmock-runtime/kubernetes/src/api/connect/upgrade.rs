//! The handshake: which protocol a connection speaks from here on.

use std::future::Future;

use http::{HeaderMap, HeaderValue, Response, StatusCode, header};

use super::plainly;
use crate::api::reply::Reply;
use crate::state::cluster::ApiBody;
use crate::state::takeover::{Connection, Takeover};
use crate::wire::websocket;

const VERSION: &str = "x-stream-protocol-version";

/// Whether a client asks for SPDY.
pub(super) fn wants_spdy(headers: &HeaderMap) -> bool {
    websocket::asks_for(headers, "SPDY/3.1")
}

/// The first of a client's protocols that is known; nothing, where it names none.
pub(super) fn chosen<'a>(offered: &[&str], known: &[&'a str]) -> Option<&'a str> {
    if offered.is_empty() {
        return Some("");
    }
    offered
        .iter()
        .find_map(|one| known.iter().find(|known| *known == one).copied())
}

/// No protocol of the client's is known.
pub(super) fn refused(offered: &[&str], known: &[&str]) -> Reply {
    let why = format!(
        "requested protocol(s) are not supported: [{}]; supports [{}]",
        offered.join(" "),
        known.join(" ")
    );
    plainly(403, &why)
}

/// The protocols that a client offers over SPDY.
pub(super) fn spdy_offered(headers: &HeaderMap) -> Vec<&str> {
    let lines = headers.get_all(VERSION).into_iter();
    lines
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(','))
        .map(str::trim)
        .filter(|one| !one.is_empty())
        .collect()
}

/// No protocol of a client over SPDY is known.
pub(super) fn spdy_refused(offered: &[&str], known: &[&str]) -> Reply {
    let why = format!(
        "unable to upgrade: unable to negotiate protocol: client supports [{}], server accepts [{}]",
        offered.join(" "),
        known.join(" ")
    );
    let mut reply = plainly(403, &why);
    for one in known {
        reply
            .headers
            .push(("X-Accepted-Stream-Protocol-Versions", (*one).to_owned()));
    }
    reply
}

/// Accepts SPDY with a protocol, and speaks on it.
pub(super) fn accept_spdy<F, Fut>(protocol: &str, speak: F) -> Response<ApiBody>
where
    F: FnOnce(Connection) -> Fut + Send + 'static,
    Fut: Future<Output = ()> + Send + 'static,
{
    let mut response = Response::new(ApiBody::Upgrade(Takeover::new(speak)));
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let head = response.headers_mut();
    head.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
    head.insert(header::UPGRADE, HeaderValue::from_static("SPDY/3.1"));
    if let Ok(protocol) = HeaderValue::try_from(protocol) {
        head.insert(VERSION, protocol);
    }
    response
}
