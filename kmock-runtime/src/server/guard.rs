//! Browser pages of other sites at a Kubernetes API that needs no credentials: whoever opens such a page must not find that
//! it has written to the server.
//!
//! A browser tells where a page is from (`Origin`, Fetch Metadata's `Sec-Fetch-Site`), and a page that had its own name lead
//! to the loopback ("DNS rebinding") still asks for that name. Rules are not guarded: they may be what such a page is tested with.

use std::net::{IpAddr, SocketAddr};

use http::Method;

use crate::{hostnames::Hostnames, request::Request};

/// Why a request is none of this site's. `None`: it may be answered.
pub(super) fn stranger(
    request: &Request,
    hostnames: &Hostnames,
    listening: SocketAddr,
) -> Option<String> {
    let own = |authority: &str| is_own(authority) || hostnames.stands_for(authority);
    let host = request.host().unwrap_or_default();
    // Elsewhere than on the loopback, any name may lead here.
    if listening.ip().is_loopback() && !host.is_empty() && !own(host) {
        return Some(format!(
            "it is for {host:?}, which is no name of this machine"
        ));
    }
    if let Some(origin) = request.header("origin") {
        let site = origin
            .split_once("://")
            .map_or("", |(_, authority)| authority);
        let same = request.header("host") == Some(site);
        if !same && (site.is_empty() || !own(site)) {
            return Some(format!("it comes from a page of {origin}"));
        }
    }
    let elsewhere = request.header("sec-fetch-site") == Some("cross-site");
    // Who follows a link looks at what is there, and the page that has the link does not.
    let looks =
        request.method() == Method::GET && request.header("sec-fetch-mode") == Some("navigate");
    (elsewhere && !looks).then(|| "it comes from a page of another site".to_owned())
}

/// Whether a host, perhaps with a port, cannot be the name of somebody else's site.
fn is_own(authority: &str) -> bool {
    let name = match authority.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => authority,
    };
    let name = name.trim_matches(['[', ']']).to_ascii_lowercase();
    let local = [".localhost", ".local", ".internal", ".svc", ".test"];
    name.parse::<IpAddr>().is_ok()
        || !name.is_empty() && !name.contains('.')
        || local.iter().any(|end| name.ends_with(end))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use bytes::Bytes;

    use super::*;
    use crate::request::Head;

    fn asked(method: &str, headers: &[(&str, &str)]) -> Option<String> {
        let mut request = http::Request::builder().method(method).uri("/api");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let (head, ()) = request.body(()).expect("a request").into_parts();
        let request = Request::new(0, Duration::ZERO, Head::of(head), Bytes::new(), None, None);
        let mut hostnames = Hostnames::default();
        hostnames.push("api.example.com").expect("a hostname");
        stranger(
            &request,
            &hostnames,
            "127.0.0.1:80".parse().expect("an address"),
        )
    }

    #[test]
    fn clients_and_own_pages_are_at_home() {
        for host in [
            "127.0.0.1:8080",
            "[::1]:80",
            "localhost",
            "kmock:80",
            "a.localhost",
            "api.example.com",
        ] {
            assert_eq!(asked("DELETE", &[("host", host)]), None, "{host}");
            let origin = format!("http://{host}");
            assert_eq!(asked("POST", &[("host", host), ("origin", &origin)]), None);
        }
        let dev = [
            ("host", "127.0.0.1:80"),
            ("origin", "http://localhost:3000"),
        ];
        assert_eq!(asked("POST", &dev), None);
        let link = [
            ("host", "localhost"),
            ("sec-fetch-site", "cross-site"),
            ("sec-fetch-mode", "navigate"),
        ];
        assert_eq!(asked("GET", &link), None);
    }

    #[test]
    fn pages_of_others_are_strangers() {
        for headers in [
            [("host", "evil.example:80"), ("x", "")],
            [("host", "127.0.0.1:80"), ("origin", "https://evil.example")],
            [("host", "127.0.0.1:80"), ("origin", "null")],
            [("host", "127.0.0.1:80"), ("sec-fetch-site", "cross-site")],
            [("host", "evil.example"), ("origin", "http://evil.example")],
        ] {
            assert!(asked("POST", &headers).is_some(), "{headers:?}");
        }
        let form = [
            ("host", "localhost"),
            ("sec-fetch-site", "cross-site"),
            ("sec-fetch-mode", "navigate"),
        ];
        assert!(asked("POST", &form).is_some());
    }
}
