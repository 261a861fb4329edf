//! What a body means: content codings are undone (RFC 9110, 8.4), and texts are read in the charset that they are written in.
//!
//! What cannot be undone stays as it came, and is told where a criterion fails because of it.

use std::borrow::Cow;

use bytes::Bytes;
use http::{HeaderMap, header};

use super::multipart::parameter;

/// How large a body may become when it is decoded: as large as one that came so may be by default.
#[cfg(feature = "compression")]
const MOST: usize = 64 << 20;

/// A body as it is meant.
pub(super) struct Content {
    /// With its codings undone, as far as they are known.
    pub(super) body: Bytes,
    /// In UTF-8, where it is in another charset.
    utf8: Option<Bytes>,
    /// What could not be undone.
    pub(super) odd: Option<String>,
    /// Whether it is still in a coding: then nobody knows what it says.
    pub(super) coded: bool,
}

impl Content {
    /// `whole`: whether nothing of the body has been cut off.
    pub(super) fn of(headers: &HeaderMap, body: &Bytes, whole: bool) -> Content {
        let mut odd = None;
        let body = match undone(codings(headers), body, whole) {
            Ok(Some(decoded)) => decoded,
            Ok(None) => body.clone(),
            Err(why) => {
                odd = Some(why);
                body.clone()
            }
        };
        let mut utf8 = None;
        let coded = odd.is_some();
        if !coded {
            match in_utf8(content_type(headers), &body) {
                Ok(Cow::Borrowed(_)) => {}
                Ok(Cow::Owned(text)) => utf8 = Some(text.into()),
                Err(why) => odd = Some(why),
            }
        }
        Content {
            body,
            utf8,
            odd,
            coded,
        }
    }

    /// What texts are read from.
    pub(super) fn utf8(&self) -> &Bytes {
        self.utf8.as_ref().unwrap_or(&self.body)
    }
}

/// Whether a body is what it looks like: most are.
pub(super) fn is_plain(headers: &HeaderMap) -> bool {
    !headers.contains_key(header::CONTENT_ENCODING) && is_utf8(content_type(headers))
}

pub(super) fn content_type(headers: &HeaderMap) -> &str {
    let kind = headers.get(header::CONTENT_TYPE);
    kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default()
}

/// The charset of a content type, where it is said and is not UTF-8, of which ASCII is a part.
fn charset(content_type: &str) -> Option<String> {
    let charset = parameter(content_type, "charset")?;
    let plain = ["utf-8", "utf8", "us-ascii", "ascii"];
    let is_plain = |name: &str| charset.trim().eq_ignore_ascii_case(name);
    (!charset.is_empty() && !plain.iter().any(|name| is_plain(name))).then_some(charset)
}

fn is_utf8(content_type: &str) -> bool {
    charset(content_type).is_none()
}

/// Bytes in UTF-8, as they are where they are in no other charset.
///
/// # Errors
/// The charset is not known.
pub(super) fn in_utf8<'a>(content_type: &str, bytes: &'a [u8]) -> Result<Cow<'a, [u8]>, String> {
    match charset(content_type) {
        None => Ok(Cow::Borrowed(bytes)),
        Some(charset) => decoded_text(&charset, bytes),
    }
}

#[cfg(feature = "charset")]
fn decoded_text<'a>(charset: &str, bytes: &'a [u8]) -> Result<Cow<'a, [u8]>, String> {
    match encoding_rs::Encoding::for_label(charset.trim().as_bytes()) {
        Some(encoding) => {
            let (text, ..) = encoding.decode(bytes);
            Ok(Cow::Owned(text.into_owned().into_bytes()))
        }
        None => Err(format!("the charset {charset:?} is not known")),
    }
}

#[cfg(not(feature = "charset"))]
fn decoded_text<'a>(charset: &str, _: &'a [u8]) -> Result<Cow<'a, [u8]>, String> {
    Err(format!(
        "the charset {charset:?} is read with the feature `charset` of kmock"
    ))
}

/// The codings of a body, in the order in which they were applied.
fn codings(headers: &HeaderMap) -> Vec<&str> {
    let lines = headers.get_all(header::CONTENT_ENCODING).into_iter();
    lines
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(','))
        .map(str::trim)
        .filter(|coding| !coding.is_empty() && !coding.eq_ignore_ascii_case("identity"))
        .collect()
}

/// A body without its codings; `None` where it has none.
///
/// # Errors
/// One that is not known, or that the body is not in.
fn undone(codings: Vec<&str>, body: &Bytes, whole: bool) -> Result<Option<Bytes>, String> {
    // Nothing is in no coding, whatever is said.
    if codings.is_empty() || body.is_empty() {
        return Ok(None);
    }
    let mut body = body.clone();
    for coding in codings.into_iter().rev() {
        body = decoded(&coding.to_ascii_lowercase(), &body, whole)?.into();
    }
    Ok(Some(body))
}

/// A body for people: decoded, where its coding is known.
pub(crate) fn uncoded(coding: &str, body: &[u8], whole: bool) -> Option<Bytes> {
    let codings = coding.split(',').map(str::trim);
    let codings = codings.filter(|one| !one.is_empty() && !one.eq_ignore_ascii_case("identity"));
    undone(codings.collect(), &Bytes::copy_from_slice(body), whole).ok()?
}

#[cfg(feature = "compression")]
fn decoded(coding: &str, body: &[u8], whole: bool) -> Result<Vec<u8>, String> {
    use std::io::Read;

    use flate2::read::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};

    let read = |source: &mut dyn Read| {
        let mut out = Vec::new();
        let read = source.take(MOST as u64 + 1).read_to_end(&mut out);
        match read {
            _ if out.len() > MOST => Err(format!("decoded, it has more than {} MiB", MOST >> 20)),
            Ok(_) => Ok(out),
            // The journal keeps the beginning of large bodies, and that is what there is to see.
            Err(_) if !whole && !out.is_empty() => Ok(out),
            Err(error) => Err(format!(
                "its content-encoding is {coding:?}, but the body is none: {error}"
            )),
        }
    };
    match coding {
        "gzip" | "x-gzip" => read(&mut MultiGzDecoder::new(body)),
        // It is to be in the zlib format (RFC 9110, 8.4.1.2), and some clients send it without.
        "deflate" => read(&mut ZlibDecoder::new(body))
            .or_else(|error| read(&mut DeflateDecoder::new(body)).map_err(|_| error)),
        "br" => read(&mut brotli_decompressor::Decompressor::new(body, 4096)),
        other => Err(format!(
            "its content-encoding is {other:?}, and gzip, deflate and br are what kmock undoes"
        )),
    }
}

#[cfg(not(feature = "compression"))]
fn decoded(coding: &str, _: &[u8], _: bool) -> Result<Vec<u8>, String> {
    Err(match coding {
        "gzip" | "x-gzip" | "deflate" | "br" => format!(
            "its content-encoding is {coding:?}, which is undone with the feature `compression` of kmock"
        ),
        other => format!("its content-encoding is {other:?}, which kmock does not know"),
    })
}

/// The pairs of a form whose escapes are bytes of its own charset.
///
/// # Errors
/// The charset is not known.
pub(super) fn pairs_in(content_type: &str, body: &[u8]) -> Result<Vec<(String, String)>, String> {
    let text = |bytes: &[u8]| {
        let plain: Vec<u8> = bytes
            .iter()
            .map(|b| if *b == b'+' { b' ' } else { *b })
            .collect();
        let raw: Vec<u8> = percent_encoding::percent_decode(&plain).collect();
        let text = in_utf8(content_type, &raw)?;
        Ok::<_, String>(String::from_utf8_lossy(&text).into_owned())
    };
    let pairs = body
        .split(|byte| *byte == b'&')
        .filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| {
            let mut sides = pair.splitn(2, |byte| *byte == b'=');
            let mut side = || text(sides.next().unwrap_or_default());
            Ok((side()?, side()?))
        })
        .collect()
}

#[cfg(all(test, feature = "compression"))]
mod tests {
    use std::io::Write;

    use super::*;

    fn gzip(text: &[u8]) -> Vec<u8> {
        let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        out.write_all(text).expect("written");
        out.finish().expect("finished")
    }

    fn undo(codings: &str, body: &[u8]) -> Result<Option<Bytes>, String> {
        let mut headers = HeaderMap::new();
        let value = http::HeaderValue::from_str(codings).expect("a value");
        headers.insert(header::CONTENT_ENCODING, value);
        undone(
            super::codings(&headers),
            &Bytes::copy_from_slice(body),
            true,
        )
    }

    #[test]
    fn codings_are_undone_in_reverse() {
        let twice = gzip(&gzip(b"hello"));
        let plain = Ok(Some(Bytes::from("hello")));
        assert_eq!(undo("GZip, identity, x-gzip", &twice), plain);
        assert_eq!(undo("gzip", &[gzip(b"hel"), gzip(b"lo")].concat()), plain);
        assert_eq!(undo("identity", b"hello"), Ok(None));
        assert_eq!(undo("gzip", b""), Ok(None));
        // `hello`, in a raw deflate stream of one stored block, and in brotli's.
        assert_eq!(undo("deflate", b"\x01\x05\x00\xfa\xffhello"), plain);
        assert_eq!(undo("br", b"\x0b\x02\x80hello\x03"), plain);
    }

    #[test]
    fn what_cannot_be_undone_says_why() {
        let why = |codings: &str, body: &[u8]| undo(codings, body).expect_err("a reason");
        assert!(why("zstd", b"x").contains("gzip, deflate and br"));
        assert!(why("gzip", b"no gzip at all").contains("the body is none"));
        let cut = gzip(&[b'x'; 9000]);
        assert!(why("gzip", &cut[..cut.len() - 4]).contains("the body is none"));
        let bomb = gzip(&vec![0; MOST + 1]);
        assert!(why("gzip", &bomb).contains("more than 64 MiB"));
    }
}
