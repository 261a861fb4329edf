//! What never became a request: a TLS handshake, a head that is none, one that is too large. Hyper answers it and closes;
//! here it is said in words, since to the test it looks as if nothing had come at all.

use std::{error::Error, net::SocketAddr};

use crate::wire::CAME;

/// How much of what came is shown.
const SHOWN: usize = 100;

/// What there is to tell of a connection that ended with this error, in words for [`KMock::errors`](crate::KMock::errors).
/// `None`: nothing that the client did wrong.
///
/// `came` is the beginning of what came last, `busy` whether a request was being answered: then its end is told there.
pub(super) fn told(
    error: &(dyn Error + 'static),
    came: &[u8],
    busy: bool,
    listening: SocketAddr,
) -> Option<String> {
    let error = error.downcast_ref::<hyper::Error>()?;
    // Behind a head that is whole there is a request, and what became of it is told there: of a watch whose client went
    // away, say. Of one that is longer than what is kept, nobody can tell.
    let in_head =
        !came.is_empty() && came.len() < CAME && !came.windows(4).any(|four| four == b"\r\n\r\n");
    if error.is_incomplete_message() && !busy && in_head {
        return Some(format!(
            "a connection ended in the middle of a request's head: {}",
            shown(came)
        ));
    }
    if !error.is_parse() {
        return None;
    }
    // A record of a handshake of any version since SSL 3 (RFC 8446, 5.1).
    if came.starts_with(&[0x16, 0x03]) {
        return Some(format!(
            "a TLS handshake came; this server speaks plain HTTP: use http://{listening}"
        ));
    }
    let shown = shown(came);
    let why = error.to_string();
    let said = why.to_ascii_lowercase();
    Some(if said.contains("uri too long") {
        format!(
            "a request came whose target is longer than 65,534 bytes; it was refused with 414: {shown}"
        )
    } else if error.is_parse_too_large() {
        format!(
            "a request came with more than 100 headers, or a head that is too large; it was refused with 431: {shown}"
        )
    } else {
        let hint = hint(came).unwrap_or_default();
        format!("what came is no HTTP request ({why}); it was refused with 400: {shown}{hint}")
    })
}

/// The usual mistakes in a head (RFC 9112, 3 and 5.1).
fn hint(came: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(came);
    if text.starts_with("PRI * HTTP/2.0") {
        return Some("   (HTTP/2 needs the cargo feature `http2`)".to_owned());
    }
    let (first, rest) = text.split_once("\r\n").unwrap_or((&text, ""));
    if first.split(' ').count() > 3 {
        return Some("   (a target has no spaces: escape them as %20)".to_owned());
    }
    let name = rest
        .split("\r\n")
        .filter_map(|line| line.split_once(':'))
        .map(|(name, _)| name)
        .find(|name| name.contains([' ', '\t']))?;
    Some(format!(
        "   (the name of a header is followed by its colon at once: {name:?} is none)"
    ))
}

/// The beginning, as a text in quotes.
fn shown(came: &[u8]) -> String {
    let text = String::from_utf8_lossy(came);
    let some: String = text.chars().take(SHOWN).collect();
    let more = if some.len() < text.len() { "…" } else { "" };
    format!("{some:?}{more}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_usual_mistakes_in_a_head_are_named() {
        let hint = |head: &str| hint(head.as_bytes()).unwrap_or_default();
        assert!(hint("GET /a b HTTP/1.1\r\nhost: x\r\n").contains("%20"));
        assert!(hint("GET / HTTP/1.1\r\nhost: x\r\nx : a\r\n").contains("\"x \" is none"));
        assert_eq!(hint("GET / HTTP/1.1\r\nhost: x\r\n"), "");
        assert!(hint("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").contains("http2"));
    }
}
