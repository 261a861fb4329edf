//! URLs as clients write them and as they are meant (RFC 3986; WHATWG URL for queries).

use std::borrow::Cow;

/// A path in the one form that all equivalent ones have (RFC 3986, 6.2.2): without needless escapes and dot segments.
///
/// What remains escaped, with letters in upper case, is what would mean something else without it: a slash (`%2F`), a
/// percent sign (`%25`), and bytes that are no UTF-8.
///
/// ```
/// use kmock_notation::canonical_path;
///
/// assert_eq!(canonical_path("/caf%c3%a9/%7Ejohn/a%20b"), "/café/~john/a b");
/// assert_eq!(canonical_path("/a/./b/../c%2fd"), "/a/c%2Fd");
/// ```
pub fn canonical_path(path: &str) -> Cow<'_, str> {
    if is_canonical(path) {
        return Cow::Borrowed(path);
    }
    let mut segments: Vec<Cow<'_, str>> = Vec::new();
    let mut pieces = path.split('/').peekable();
    while let Some(piece) = pieces.next() {
        let decoded = canonical_segment(piece);
        let last = pieces.peek().is_none();
        match &*decoded {
            "." | ".." if !segments.is_empty() => {
                if decoded == ".." && segments.len() > 1 {
                    segments.pop();
                }
                // A path that ends in dots is that of a directory.
                segments.extend(last.then_some(Cow::Borrowed("")));
            }
            _ => segments.push(decoded),
        }
    }
    segments.join("/").into()
}

/// Whether a path is certainly in its canonical form, as most are.
pub fn is_canonical(path: &str) -> bool {
    !path.contains('%') && !path.contains("/.")
}

/// A segment, or a part of one, in its canonical form.
pub(crate) fn canonical_segment(segment: &str) -> Cow<'_, str> {
    if !segment.contains('%') {
        return Cow::Borrowed(segment);
    }
    let mut out = String::with_capacity(segment.len());
    for chunk in decoded_bytes(segment, false).utf8_chunks() {
        for c in chunk.valid().chars() {
            match c {
                '/' => out.push_str("%2F"),
                '%' => out.push_str("%25"),
                c => out.push(c),
            }
        }
        for byte in chunk.invalid() {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out.into()
}

/// A name or a value of a query: `+` is a space, and escapes are what they stand for; bytes that are no UTF-8 are replaced.
pub fn decode_query(text: &str) -> Cow<'_, str> {
    if !text.contains(['%', '+']) {
        return Cow::Borrowed(text);
    }
    let bytes = decoded_bytes(text, true);
    match String::from_utf8_lossy(&bytes) {
        Cow::Borrowed(_) => String::from_utf8(bytes).unwrap_or_default().into(),
        Cow::Owned(lossy) => lossy.into(),
    }
}

/// What is no escape stays as it is.
fn decoded_bytes(text: &str, plus: bool) -> Vec<u8> {
    let digit = |byte: Option<&u8>| char::from(*byte?).to_digit(16);
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        let escape = || {
            let (high, low) = (digit(bytes.get(at + 1))?, digit(bytes.get(at + 2))?);
            u8::try_from(high * 16 + low).ok()
        };
        match byte {
            b'%' if escape().is_some() => {
                out.extend(escape());
                at += 3;
                continue;
            }
            b'+' if plus => out.push(b' '),
            other => out.push(*other),
        }
        at += 1;
    }
    out
}

/// Why a text is the host of no request, and what to do: hosts are compared without scheme, port and path, and clients send
/// those that are not ASCII in Punycode (RFC 5891).
///
/// ```
/// use kmock_notation::host_fault;
///
/// assert_eq!(host_fault("*.example.com"), None);
/// assert!(host_fault("http://example.com:80/").is_some_and(|fault| fault.1 == "write \"example.com\""));
/// ```
pub fn host_fault(text: &str) -> Option<(&'static str, String)> {
    let rest = text.split_once("://").map_or(text, |(_, rest)| rest);
    let rest = rest.split('/').next().unwrap_or_default();
    let port = |port: &str| !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
    let host = match rest.rsplit_once(':') {
        Some((host, after)) if port(after) && (host.ends_with(']') || !host.contains(':')) => host,
        _ => rest,
    };
    if host != text {
        return Some((
            "a host is told without scheme, port and path",
            format!("write \"{host}\""),
        ));
    }
    if !text.is_ascii() {
        return Some((
            "clients send a host that is not ASCII in Punycode",
            "write it as they do, \"xn--…\"".to_owned(),
        ));
    }
    None
}

/// A target as it may stand in a request line (RFC 9112, 3.2): what may not is escaped, escapes stay as they are, and a
/// fragment is left out, as clients never send it. What begins with a query, or is empty, is of the root.
///
/// ```
/// use kmock_notation::legal_target;
///
/// assert_eq!(legal_target("/café?q=a b%20c#top"), "/caf%C3%A9?q=a%20b%20c");
/// assert_eq!(legal_target("?q=1"), "/?q=1");
/// ```
pub fn legal_target(target: &str) -> Cow<'_, str> {
    let target = target.split('#').next().unwrap_or_default();
    let legal = |byte: u8| byte.is_ascii_graphic() && !b"\"<>\\^`{|}".contains(&byte);
    let rooted = !(target.is_empty() || target.starts_with('?'));
    if rooted && target.bytes().all(legal) {
        return Cow::Borrowed(target);
    }
    let mut out = String::with_capacity(target.len() + 8);
    if !rooted {
        out.push('/');
    }
    for byte in target.bytes() {
        match legal(byte) {
            true => out.push(char::from(byte)),
            false => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_paths_have_one_form() {
        for (path, want) in [
            ("/a/b", "/a/b"),
            ("/%61/%62", "/a/b"),
            ("/caf%C3%A9", "/café"),
            ("/caf%c3%a9", "/café"),
            ("/café", "/café"),
            ("/a%20b", "/a b"),
            ("/%7Ejohn%40x", "/~john@x"),
            ("/a%2fb", "/a%2Fb"),
            ("/100%25", "/100%25"),
            ("/100%", "/100%"),
            ("/%zz", "/%25zz"),
            ("/%FF%41%c3", "/%FFA%C3"),
            ("/a+b", "/a+b"),
            ("/a/./b/../c", "/a/c"),
            ("/a/..", "/"),
            ("/a/b/.", "/a/b/"),
            ("/../a", "/a"),
            ("/a/%2e%2E/b", "/b"),
            ("/.well-known/x", "/.well-known/x"),
            ("/a//b", "/a//b"),
            ("/...", "/..."),
        ] {
            let got = canonical_path(path);
            // A lone percent sign is one however it is written.
            let want = if path == "/100%" { "/100%25" } else { want };
            assert_eq!(got, want, "{path}");
            assert_eq!(canonical_path(&got), got, "{path} again");
        }
    }

    #[test]
    fn queries_are_decoded_as_forms_are() {
        for (text, want) in [
            ("rust", "rust"),
            ("a+b%20c", "a b c"),
            ("x%40y.z", "x@y.z"),
            ("caf%C3%A9", "café"),
            ("1%2B1", "1+1"),
            ("50%", "50%"),
            ("%ff", "\u{fffd}"),
        ] {
            assert_eq!(decode_query(text), want, "{text}");
        }
    }

    #[test]
    fn targets_have_legal_bytes_only() {
        for (target, want) in [
            ("/a?b=c&d=%20", "/a?b=c&d=%20"),
            ("/a b", "/a%20b"),
            ("", "/"),
            ("?x", "/?x"),
            ("/x?filter[a]={1}|2", "/x?filter[a]=%7B1%7D%7C2"),
            ("http://h/ü", "http://h/%C3%BC"),
        ] {
            assert_eq!(legal_target(target), want);
        }
    }
}
