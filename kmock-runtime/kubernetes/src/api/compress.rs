//! Large answers are compressed for clients that can read it, as the server does: gzip at its lowest level, from 128 KiB
//! on. Watches never are.

use std::io::Write;

use bytes::Bytes;
use flate2::{Compression, write::GzEncoder};
use http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, HeaderMap, HeaderValue, VARY};
use http::{Response, StatusCode};

use crate::state::cluster::ApiBody;

/// Answers of this size and smaller are sent as they are.
const THRESHOLD: usize = 128 * 1024;

/// Compresses an answer if the request allows it and it is worth it.
pub(super) fn compress(asked: &HeaderMap, mut response: Response<ApiBody>) -> Response<ApiBody> {
    let ApiBody::Full(bytes) = response.body() else {
        return response;
    };
    if bytes.len() <= THRESHOLD
        || !allows_gzip(asked)
        || response.status() == StatusCode::SWITCHING_PROTOCOLS
    {
        return response;
    }
    let mut encoder = GzEncoder::new(Vec::with_capacity(bytes.len() / 8), Compression::fast());
    let packed = encoder.write_all(bytes).and_then(|()| encoder.finish());
    // Writing into memory does not fail; were it to, the answer goes out as it is.
    let Ok(packed) = packed else {
        return response;
    };
    *response.body_mut() = ApiBody::Full(Bytes::from(packed));
    let headers = response.headers_mut();
    headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    let told = headers
        .get_all(VARY)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .any(|value| value.contains("Accept-Encoding"));
    if !told {
        headers.append(VARY, HeaderValue::from_static("Accept-Encoding"));
    }
    response
}

/// The server looks for the word alone: `gzip;q=0.5` is none to it.
fn allows_gzip(asked: &HeaderMap) -> bool {
    asked
        .get(ACCEPT_ENCODING)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|value| value.split(',').any(|token| token.trim() == "gzip"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(accept: &'static str, size: usize) -> Response<ApiBody> {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static(accept));
        compress(
            &headers,
            Response::new(ApiBody::Full(vec![b'x'; size].into())),
        )
    }

    #[test]
    fn only_large_answers_for_who_asks() {
        for (accept, size, packed) in [
            ("gzip", THRESHOLD + 1, true),
            ("deflate, gzip", THRESHOLD + 1, true),
            ("gzip", THRESHOLD, false),
            ("gzip;q=0.5", THRESHOLD + 1, false),
            ("identity", THRESHOLD + 1, false),
        ] {
            let response = answer(accept, size);
            let encoding = response.headers().get(CONTENT_ENCODING);
            assert_eq!(encoding.is_some(), packed, "{accept} {size}");
            if let (true, ApiBody::Full(bytes)) = (packed, response.body()) {
                let mut plain = Vec::new();
                std::io::Read::read_to_end(
                    &mut flate2::read::GzDecoder::new(&bytes[..]),
                    &mut plain,
                )
                .expect("gzip");
                assert_eq!(plain.len(), size);
                assert_eq!(response.headers()[VARY], "Accept-Encoding");
            }
        }
    }
}
