//! Bodies for people: decoded where that can be done, and cut.

use std::fmt::Write;

use crate::{brief::cut, request::uncoded};

/// A body as a report shows it: without its content coding, where that is known.
///
/// ```no_run
/// # use kmock_runtime as kmock;
/// # async fn example(k: kmock::KMock) -> Result<(), Box<dyn std::error::Error>> {
/// k.post("/").json([1, 2]).await;
/// let body = &k.report().entries[0].body;
/// assert_eq!((body.kind.as_str(), body.text.as_str()), ("json", "[1,2]"));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Body {
    /// Its whole size in bytes.
    pub size: usize,
    /// What it is: `json`, `yaml`, `form`, `text`, `binary`, `protobuf`, or a content coding such as `gzip`.
    pub kind: String,
    /// The text, or a part of it; of what is no text, the first bytes in hexadecimal.
    pub text: String,
    /// Whether the text is only a part.
    pub cut: bool,
    /// The content coding that was undone to read it: `gzip`.
    pub coding: Option<String>,
}

impl Body {
    /// A body of which `bytes` were kept, with at most `most` bytes of text.
    pub(super) fn of(
        bytes: &[u8],
        size: usize,
        content_type: Option<&str>,
        encoding: Option<&str>,
        most: usize,
    ) -> Body {
        let coded = encoding.filter(|coding| !coding.is_empty() && *coding != "identity");
        let whole = size == bytes.len();
        if let Some(coding) = coded
            && let Some(decoded) = uncoded(coding, bytes, whole)
        {
            let decoded_size = decoded.len() + usize::from(!whole);
            return Body {
                size,
                coding: Some(coding.to_owned()),
                ..Body::of(&decoded, decoded_size, content_type, None, most)
            };
        }
        let text = match (coded, std::str::from_utf8(bytes)) {
            (Some(_), _) => None,
            (None, Ok(text)) => Some(text),
            // A body that was cut may end within a character.
            (None, Err(error)) if size > bytes.len() && error.valid_up_to() + 4 > bytes.len() => {
                std::str::from_utf8(&bytes[..error.valid_up_to()]).ok()
            }
            (None, Err(_)) => None,
        };
        let odd = |c: char| c.is_control() && !"\t\n\r\u{b}\u{c}\u{1b}".contains(c);
        let said = content_type.unwrap_or_default();
        if let Some(fields) =
            crate::request::multipart_summary(said, bytes).filter(|_| coded.is_none())
        {
            return Body {
                size,
                kind: "multipart".to_owned(),
                text: cut(&fields, most),
                cut: size > bytes.len(),
                coding: None,
            };
        }
        let Some(text) = text.filter(|text| !text.contains(odd)) else {
            let kind = coded.unwrap_or(match bytes.starts_with(b"k8s\0") {
                true => "protobuf",
                false => "binary",
            });
            return Body {
                size,
                kind: kind.to_owned(),
                text: hexadecimal(bytes),
                cut: size > 16,
                coding: None,
            };
        };
        let kind = if said.contains("yaml") {
            "yaml"
        } else if said.contains("x-www-form-urlencoded") {
            "form"
        } else if said.contains("json") || text.starts_with(['{', '[']) {
            "json"
        } else {
            "text"
        };
        let mut end = text.len().min(most);
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        Body {
            size,
            kind: kind.to_owned(),
            text: text[..end].to_owned(),
            cut: size > end,
            coding: None,
        }
    }

    /// Whether there is nothing.
    pub fn is_empty(&self) -> bool {
        self.size == 0
    }

    /// How large it was on the wire, and in which coding.
    fn measure(&self) -> String {
        match &self.coding {
            Some(coding) => format!("{coding}, {} bytes", self.size),
            None => format!("{} bytes", self.size),
        }
    }

    /// One line of at most so many characters.
    pub fn line(&self, most: usize) -> String {
        match self.kind.as_str() {
            "json" | "yaml" | "form" | "text" => {
                let compact = match serde_json::from_str::<serde_json::Value>(&self.text) {
                    Ok(json) if !self.cut => json.to_string(),
                    _ => escaped(self.text.trim_end()),
                };
                let line = cut(&compact, most);
                if self.cut || line.ends_with('…') {
                    let dots = if line.ends_with('…') { "" } else { "…" };
                    format!("{line}{dots} ({})", self.measure())
                } else {
                    match &self.coding {
                        Some(coding) => format!("{line} ({coding})"),
                        None => line,
                    }
                }
            }
            kind => format!("{kind}, {}: {}", self.measure(), self.text),
        }
    }

    /// The text laid out, where it is JSON.
    pub(super) fn laid_out(&self) -> String {
        let laid_out = || {
            let json = serde_json::from_str::<serde_json::Value>(&self.text).ok()?;
            serde_json::to_string_pretty(&json).ok()
        };
        let mut text = match self.kind.as_str() {
            "json" if !self.cut => laid_out().unwrap_or_else(|| self.text.clone()),
            _ => self.text.clone(),
        };
        if self.cut {
            let _ = write!(text, "\n… ({} in all)", self.measure());
        }
        text
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    let shown: Vec<String> = bytes
        .iter()
        .take(16)
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let more = if bytes.len() > 16 { " …" } else { "" };
    shown.join(" ") + more
}

/// Control characters as in Rust's texts; everything else as it is.
pub(super) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() {
            out.extend(c.escape_default());
        } else {
            out.push(c);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(bytes: &[u8], content_type: &str) -> String {
        Body::of(bytes, bytes.len(), Some(content_type), None, 100).line(24)
    }

    #[test]
    fn bodies_are_decoded_and_cut() {
        assert_eq!(line(b"{ \"a\": 1 }\n", "application/json"), "{\"a\":1}");
        assert_eq!(line(b"a\tb\n", "text/plain"), "a\\tb");
        assert_eq!(line(&[0, 255], ""), "binary, 2 bytes: 00 ff");
        assert_eq!(
            line("ä".repeat(30).as_bytes(), ""),
            format!("{}… (60 bytes)", "ä".repeat(24))
        );
        let gzip = Body::of(&[31, 139], 2, None, Some("gzip"), 100);
        assert_eq!(gzip.line(80), "gzip, 2 bytes: 1f 8b");
        let part = Body::of(
            "aä".as_bytes().split_last().map_or(&[], |(_, head)| head),
            9,
            None,
            None,
            100,
        );
        assert_eq!(part.line(80), "a… (9 bytes)");
    }
}
