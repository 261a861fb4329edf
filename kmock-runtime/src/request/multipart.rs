//! Multipart bodies (RFC 2046, 5.1) as forms use them (RFC 7578).

use std::borrow::Cow;

use bytes::Bytes;

use super::content::in_utf8;

/// One part of a multipart body, as [`Request::parts`](crate::Request::parts) has them.
///
/// ```
/// # async fn example(k: kmock_runtime::KMock) {
/// let avatars = k.on("post /avatars").status(201);
/// // … the client uploads a picture:
/// for part in avatars.requests()[0].parts() {
///     if let Some(file) = part.filename() {
///         println!("{file}: {:?}, {} bytes", part.content_type(), part.body().len());
///     }
/// }
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    pub(crate) name: Option<String>,
    pub(crate) filename: Option<String>,
    pub(crate) content_type: Option<String>,
    pub(crate) body: Bytes,
}

impl Part {
    /// The name of the form's field.
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// The name of the file, if the part is one.
    pub fn filename(&self) -> Option<&str> {
        self.filename.as_deref()
    }

    /// The content type of the part.
    pub fn content_type(&self) -> Option<&str> {
        self.content_type.as_deref()
    }

    /// What the part holds.
    pub fn body(&self) -> &Bytes {
        &self.body
    }

    /// What it holds as text, in the charset of its own content type; what is none of it is replaced.
    pub fn text(&self) -> Cow<'_, str> {
        let kind = self.content_type().unwrap_or_default();
        match in_utf8(kind, &self.body) {
            Ok(Cow::Owned(text)) => String::from_utf8_lossy(&text).into_owned().into(),
            _ => String::from_utf8_lossy(&self.body),
        }
    }
}

/// The parts of a body for people: `title=book, file=x.bin (3 bytes)`; nothing where it has none.
pub(crate) fn summary(content_type: &str, body: &[u8]) -> Option<String> {
    if !is_multipart(content_type) {
        return None;
    }
    let parts = parse(content_type, &Bytes::copy_from_slice(body));
    let shown = parts.iter().map(|part| {
        let name = part.name().unwrap_or_default();
        match (part.filename(), std::str::from_utf8(part.body())) {
            (None, Ok(text)) if !text.contains(char::is_control) => format!("{name}={text}"),
            (file, _) => format!(
                "{name}={} ({} bytes)",
                file.unwrap_or("…"),
                part.body().len()
            ),
        }
    });
    let shown: Vec<String> = shown.collect();
    (!shown.is_empty()).then(|| shown.join(", "))
}

/// Whether a content type is that of a body in parts; its letters may be of any case (RFC 9110, 8.3.1).
pub(super) fn is_multipart(content_type: &str) -> bool {
    let start = content_type.get(.."multipart/".len());
    start.is_some_and(|start| start.eq_ignore_ascii_case("multipart/"))
}

/// The parts of a body, as far as it is well-formed.
pub(super) fn parse(content_type: &str, body: &Bytes) -> Vec<Part> {
    let Some(boundary) = is_multipart(content_type)
        .then(|| parameter(content_type, "boundary"))
        .flatten()
    else {
        return Vec::new();
    };
    let opening = format!("--{boundary}");
    let delimiter = format!("\r\n--{boundary}");
    let mut parts = Vec::new();
    // What comes before the first boundary is a preamble.
    let Some(start) = find(body, opening.as_bytes()) else {
        return parts;
    };
    let mut at = start + opening.len();
    loop {
        let rest = &body[at..];
        if rest.starts_with(b"--") {
            return parts;
        }
        // White space may follow a boundary.
        let Some(line) = find(rest, b"\r\n") else {
            return parts;
        };
        // The line end is also that of an empty head, and that of an empty body.
        let inside = at + line;
        let Some(length) = find(&body[inside..], delimiter.as_bytes()) else {
            return parts;
        };
        let part = body.slice(inside..inside + length);
        parts.extend(part_of(&part));
        at = inside + length + delimiter.len();
    }
}

fn part_of(part: &Bytes) -> Option<Part> {
    let (head, body) = match find(part, b"\r\n\r\n") {
        Some(end) => (part.slice(..end), part.slice(end + 4..)),
        None => return None,
    };
    let head = String::from_utf8_lossy(&head).into_owned();
    let field = |wanted: &str| {
        head.lines().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.trim()
                .eq_ignore_ascii_case(wanted)
                .then(|| value.trim().to_owned())
        })
    };
    let disposition = field("content-disposition").unwrap_or_default();
    Some(Part {
        name: either(&disposition, "name", "name*"),
        filename: either(&disposition, "filename", "filename*"),
        content_type: field("content-type"),
        body,
    })
}

/// A parameter in one of its two forms: `filename*=UTF-8''%C3%BC.txt` is for names that are not ASCII (RFC 8187). It wins,
/// as clients send the plain one for those who cannot read it (RFC 6266, 4.3).
fn either(header: &str, plain: &str, extended: &str) -> Option<String> {
    let Some(value) = parameter(header, extended) else {
        return parameter(header, plain);
    };
    let text = value.splitn(3, '\'').nth(2).unwrap_or(&value);
    let decoded = percent_encoding::percent_decode_str(text).decode_utf8_lossy();
    Some(decoded.into_owned())
}

/// A parameter of a header: `form-data; name="a"; filename="b"`.
pub(super) fn parameter(header: &str, wanted: &str) -> Option<String> {
    let mut rest = header.split_once(';')?.1;
    loop {
        let (name, after) = rest.split_once('=')?;
        let after = after.trim_start();
        let (value, next) = match after.strip_prefix('"') {
            Some(quoted) => {
                let mut value = String::new();
                let mut letters = quoted.char_indices();
                let end = loop {
                    match letters.next() {
                        None => break quoted.len(),
                        Some((at, '"')) => break at + 1,
                        Some((_, '\\')) => value.extend(letters.next().map(|(_, letter)| letter)),
                        Some((_, letter)) => value.push(letter),
                    }
                };
                (value, quoted.get(end..).unwrap_or_default())
            }
            None => match after.split_once(';') {
                Some((value, _)) => (value.trim().to_owned(), &after[value.len()..]),
                None => (after.trim().to_owned(), ""),
            },
        };
        if name.trim().eq_ignore_ascii_case(wanted) {
            return Some(value);
        }
        rest = next.split_once(';')?.1;
    }
}

fn find(text: &[u8], wanted: &[u8]) -> Option<usize> {
    text.windows(wanted.len())
        .position(|window| window == wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_and_files_are_read_from_multipart_bodies() {
        let body = "preamble\r\n--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n\
            --b\r\ncontent-disposition: form-data; filename=\"x \\\"y\\\".txt\"; name=f\r\n\
            Content-Type: text/plain\r\n\r\nline\r\n\r\nline\r\n--b--\r\nepilogue";
        let parts = parse(
            "multipart/form-data; charset=utf-8; boundary=b",
            &body.into(),
        );
        assert_eq!(parts.len(), 2);
        assert_eq!(
            (parts[0].name(), parts[0].body().as_ref()),
            (Some("a"), &b"1"[..])
        );
        assert_eq!(parts[1].filename(), Some("x \"y\".txt"));
        assert_eq!(parts[1].name(), Some("f"));
        assert_eq!(parts[1].content_type(), Some("text/plain"));
        assert_eq!(parts[1].body().as_ref(), b"line\r\n\r\nline");
    }

    #[test]
    fn names_of_files_need_not_be_ascii() {
        let body = "--b\r\nContent-Disposition: form-data; name*=UTF-8''%C3%BC; filename=\"_.txt\"; \
            filename*=utf-8'de'a%20%C3%BC.txt\r\n\r\nx\r\n--b--";
        let parts = parse("Multipart/Form-Data; boundary=b", &body.into());
        assert_eq!(
            (parts[0].name(), parts[0].filename()),
            (Some("ü"), Some("a ü.txt"))
        );
    }

    #[test]
    fn what_is_malformed_has_no_parts() {
        for (kind, body) in [
            ("multipart/form-data", "--b\r\n\r\n\r\n--b--"),
            ("multipart/form-data; boundary=b", "--b\r\nno end"),
            ("text/plain; boundary=b", "--b\r\n\r\nx\r\n--b--"),
            ("multipart/form-data; boundary=b", "--b"),
        ] {
            assert_eq!(parse(kind, &body.into()), [], "{kind}: {body}");
        }
        let empty = parse(
            "multipart/mixed; boundary=b",
            &"--b\r\n\r\nx\r\n--b--".into(),
        );
        assert_eq!(empty[0].body().as_ref(), b"x");
    }
}
