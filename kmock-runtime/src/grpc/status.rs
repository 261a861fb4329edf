//! How a call ends: a code, words, details; in trailers, or in the head where nothing else comes.

use base64::{Engine, engine::general_purpose::STANDARD_NO_PAD as BASE64};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Response, header};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use prost_reflect::{
    prost::{Message, Name},
    prost_types::Any,
};
use serde_json::Value;

use crate::{
    grpc::{Code, descriptors::Descriptors},
    reply::Payload,
};

/// How a call ends.
///
/// ```
/// # use kmock_runtime as kmock;
/// use kmock::grpc::Code;
///
/// let status = Code::NotFound.because("nobody of that name");
/// assert_eq!((status.code(), status.message()), (Code::NotFound, "nobody of that name"));
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Status {
    code: Code,
    message: String,
    details: Vec<Detail>,
}

/// One of the details, as `google.protobuf.Any` has them.
#[derive(Clone, Debug, PartialEq)]
enum Detail {
    Encoded(String, Bytes),
    /// JSON, and the name of its message.
    Json(String, Value),
}

impl Code {
    /// The code with words.
    pub fn because(self, message: impl Into<String>) -> Status {
        Status {
            code: self,
            message: message.into(),
            details: Vec::new(),
        }
    }
}

impl From<Code> for Status {
    fn from(code: Code) -> Status {
        code.because("")
    }
}

impl Status {
    /// The code.
    pub fn code(&self) -> Code {
        self.code
    }

    /// The words.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// A detail as JSON: the name of its message (`google.rpc.RetryInfo`), which the descriptors know.
    #[must_use]
    pub fn detail(mut self, name: impl Into<String>, detail: impl Into<Value>) -> Status {
        self.details.push(Detail::Json(name.into(), detail.into()));
        self
    }

    /// A detail as a message of prost.
    #[must_use]
    pub fn prost_detail<M: Message + Name>(mut self, detail: &M) -> Status {
        let bytes = detail.encode_to_vec().into();
        self.details.push(Detail::Encoded(M::type_url(), bytes));
        self
    }

    /// An answer without messages: the status stands in its head.
    pub(super) fn alone(&self) -> Response<Payload> {
        let mut response = Response::new(Payload::empty());
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, super::body::GRPC);
        // Nobody is to know details here.
        let _ = self.write(headers, None);
        response
    }

    /// Writes it among the trailers. Words are escaped as in URLs; details are an encoded `google.rpc.Status`.
    pub(super) fn write(
        &self,
        trailers: &mut HeaderMap,
        descriptors: Option<&Descriptors>,
    ) -> Result<(), String> {
        trailers.insert(GRPC_STATUS, u16::from(self.code.number()).into());
        let message = utf8_percent_encode(&self.message, ESCAPED).to_string();
        if !message.is_empty()
            && let Ok(message) = HeaderValue::try_from(message)
        {
            trailers.insert(GRPC_MESSAGE, message);
        }
        if self.details.is_empty() {
            return Ok(());
        }
        let details = self.details.iter().map(|detail| match detail {
            Detail::Encoded(type_url, value) => Ok(Any {
                type_url: type_url.clone(),
                value: value.to_vec(),
            }),
            Detail::Json(name, json) => {
                let encoded = descriptors.and_then(|all| all.encode(name, json));
                let value = encoded.ok_or_else(|| {
                    format!("nobody knows the message {name} of a detail: give its descriptors to `k.descriptors(…)`")
                })??;
                Ok(Any {
                    type_url: format!("type.googleapis.com/{name}"),
                    value,
                })
            }
        });
        let details = details.collect::<Result<Vec<Any>, String>>()?;
        let status = encoded(self.code, &self.message, &details);
        trailers.insert(GRPC_STATUS_DETAILS, base64(&status));
        Ok(())
    }
}

const GRPC_STATUS: HeaderName = HeaderName::from_static("grpc-status");
const GRPC_MESSAGE: HeaderName = HeaderName::from_static("grpc-message");
const GRPC_STATUS_DETAILS: HeaderName = HeaderName::from_static("grpc-status-details-bin");

/// All but printable ASCII without `%`.
const ESCAPED: &AsciiSet = &CONTROLS.add(b'%');

/// A `google.rpc.Status`: 1 the code, 2 the words, 3 the details.
fn encoded(code: Code, message: &str, details: &[Any]) -> Vec<u8> {
    use prost_reflect::prost::encoding;
    let mut out = Vec::new();
    if code != Code::Ok {
        encoding::int32::encode(1, &i32::from(code.number()), &mut out);
    }
    if !message.is_empty() {
        encoding::string::encode(2, &message.to_owned(), &mut out);
    }
    encoding::message::encode_repeated(3, details, &mut out);
    out
}

/// Bytes as metadata has them (without padding, which both sides take either way).
pub(super) fn base64(bytes: &[u8]) -> HeaderValue {
    // Base64 is ASCII.
    HeaderValue::try_from(BASE64.encode(bytes)).unwrap_or_else(|_| HeaderValue::from_static(""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_is_written_into_trailers() {
        let mut trailers = HeaderMap::new();
        let status = Code::NotFound.because("nobody: 100% \u{fc}\n");
        status.write(&mut trailers, None).expect("written");
        assert_eq!(trailers["grpc-status"], "5");
        assert_eq!(trailers["grpc-message"], "nobody: 100%25 %C3%BC%0A");
        assert_eq!(trailers.get("grpc-status-details-bin"), None);
        let detailed =
            Status::from(Code::Aborted).prost_detail(&prost_reflect::prost_types::Duration {
                seconds: 5,
                nanos: 0,
            });
        detailed.write(&mut trailers, None).expect("written");
        let bytes = BASE64
            .decode(&trailers["grpc-status-details-bin"])
            .expect("base64");
        // The code, and an Any of a type and two bytes.
        assert_eq!(bytes[..2], [8, 10]);
        assert!(bytes.ends_with(&[18, 2, 8, 5]), "{bytes:?}");
        let unknown = Status::from(Code::Aborted).detail("google.rpc.RetryInfo", "x");
        assert!(unknown.write(&mut trailers, None).is_err());
    }
}
