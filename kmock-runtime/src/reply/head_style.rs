//! Heads as other servers write them: HTTP/1.0, bodies that end with the connection, names with capitals.

use axum::body::Body;
use http::{HeaderName, HeaderValue, Version, header};

use crate::{
    reply::{Answer, HeadStyle, Payload},
    request::Request,
    wire::Spelling,
};

/// The same answer, with another head on the wire.
pub(super) fn styled(
    mut answer: Answer,
    style: &HeadStyle,
    spelled: &[(HeaderName, Box<str>)],
    request: &Request,
) -> Answer {
    let Some(wire) = request
        .wire()
        .filter(|_| request.version() < Version::HTTP_2)
    else {
        return answer;
    };
    if style.http10 || style.until_eof {
        // Hyper sends chunks to nobody who is answered in HTTP/1.0.
        *answer.response.version_mut() = Version::HTTP_10;
        let close = HeaderValue::from_static("close");
        answer
            .response
            .headers_mut()
            .insert(header::CONNECTION, close);
    }
    if style.until_eof {
        answer.response.headers_mut().remove(header::CONTENT_LENGTH);
        // A stream has no length.
        answer.response = answer.response.map(|payload| {
            Payload::Body(Body::from_stream(payload.into_body().into_data_stream()))
        });
    }
    let spelling = Spelling {
        http11: style.until_eof && !style.http10 && request.version() == Version::HTTP_11,
        names: style.as_written.then(|| spelled.to_vec()),
    };
    if spelling.http11 || spelling.names.is_some() {
        wire.spell(spelling);
    }
    answer
}
