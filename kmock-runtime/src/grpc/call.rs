//! A call as rules and tests see it.

use std::time::Duration;

use base64::{
    Engine, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use bytes::Bytes;
use prost_reflect::prost::{DecodeError, Message};
use serde_json::Value;

use crate::{
    grpc::{
        descriptors::{Descriptors, to_json},
        frames::MessageCoding,
    },
    request::Request,
};

/// With padding or without.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// A call of gRPC.
///
/// ```no_run
/// # fn example(k: kmock_runtime::KMock) {
/// for request in k.requests() {
///     let call = request.grpc().expect("a call");
///     println!("{}/{}: {}", call.service(), call.method(), call.message());
/// }
/// # }
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Call<'a> {
    request: &'a Request,
}

impl Request {
    /// The call that this request is, if it is one: a POST of the content type `application/grpc`.
    pub fn grpc(&self) -> Option<Call<'_>> {
        self.is_grpc().then_some(Call { request: self })
    }
}

impl<'a> Call<'a> {
    /// The service with its package: `demo.Greeter`.
    pub fn service(&self) -> &'a str {
        self.parts().0
    }

    /// The method: `SayHello`.
    pub fn method(&self) -> &'a str {
        self.parts().1
    }

    fn parts(&self) -> (&'a str, &'a str) {
        let path = self.request.url_path().trim_start_matches('/');
        path.split_once('/').unwrap_or((path, ""))
    }

    /// The messages as they came; none where they cannot be taken apart.
    pub fn messages(&self) -> Vec<Bytes> {
        self.unframed().unwrap_or_default()
    }

    /// Why the messages cannot be taken apart.
    pub(super) fn broken(&self) -> Option<String> {
        self.unframed().err()
    }

    fn unframed(&self) -> Result<Vec<Bytes>, String> {
        MessageCoding::of(self.request.headers())?.unframe(self.request.body())
    }

    /// The messages as JSON, with the names of the fields as the descriptors have them; null where there is no descriptor.
    pub fn json(&self) -> Vec<Value> {
        let known = self
            .request
            .extras()
            .map(|extras| extras.get::<Descriptors>());
        let method = known.and_then(|all| all.method(self.request.url_path()));
        let read = |message: &Bytes| {
            let kind = method.as_ref()?.input();
            to_json(&kind, message).ok()
        };
        let messages = self.messages();
        messages
            .iter()
            .map(|message| read(message).unwrap_or_default())
            .collect()
    }

    /// The first message, as JSON.
    pub fn message(&self) -> Value {
        self.json().into_iter().next().unwrap_or_default()
    }

    /// The messages as a type of prost.
    ///
    /// # Errors
    /// When one of them is none.
    pub fn prost<M: Message + Default>(&self) -> Result<Vec<M>, DecodeError> {
        self.messages().into_iter().map(M::decode).collect()
    }

    /// Metadata of bytes: a header whose name ends in `-bin`, decoded.
    pub fn metadata_bin(&self, name: &str) -> Option<Bytes> {
        let text = self.request.header(name)?;
        BASE64.decode(text).ok().map(Bytes::from)
    }

    /// How long the client waits: the header `grpc-timeout`.
    pub fn timeout(&self) -> Option<Duration> {
        timeout(self.request.header("grpc-timeout")?)
    }
}

/// At most eight digits, and a unit.
fn timeout(text: &str) -> Option<Duration> {
    let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    if number.is_empty() || number.len() > 8 || !number.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let number: u64 = number.parse().ok()?;
    Some(match unit {
        "H" => Duration::from_secs(number * 3600),
        "M" => Duration::from_secs(number * 60),
        "S" => Duration::from_secs(number),
        "m" => Duration::from_millis(number),
        "u" => Duration::from_micros(number),
        "n" => Duration::from_nanos(number),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timeouts_have_units() {
        assert_eq!(timeout("1500m"), Some(Duration::from_millis(1500)));
        assert_eq!(
            timeout("99999999H"),
            Some(Duration::from_secs(99_999_999 * 3600))
        );
        assert_eq!(timeout("5u"), Some(Duration::from_micros(5)));
        for wrong in ["", "S", "1", "-1S", "123456789S", "1 S", "1ü"] {
            assert_eq!(timeout(wrong), None, "{wrong}");
        }
    }
}
