//! Who the client must be: criteria of client certificates.

use std::fmt;

use crate::{
    criteria::{Filter, Matcher, Pattern},
    request::Request,
    tls::ClientCert,
};

impl Filter {
    /// Requests of a client with a certificate like this: `cn=alice`, `cn=web-*,o=developers`; all of the parts must hold.
    /// [`Pattern::present`] is any certificate, [`Pattern::absent`] none. Whether it is trusted is [`ClientCert::is_trusted`].
    ///
    /// The kinds are those of [`ClientCert`]; a regular expression is for the whole text, `cn=alice,o=developers`.
    #[track_caller]
    pub fn client_cert(pattern: impl Into<Pattern>) -> Filter {
        Filter::custom(ClientCertIs(pattern.into()))
    }
}

struct ClientCertIs(Pattern);

impl Matcher for ClientCertIs {
    fn asks_body(&self) -> bool {
        false
    }

    fn matches(&self, request: &Request) -> bool {
        let certificate = request.client_cert();
        self.0.alternatives().iter().any(|one| {
            one.matches_text(certificate.map(ToString::to_string).as_deref())
                || certificate
                    .zip(one.as_text())
                    .is_some_and(|(certificate, parts)| has_all(certificate, &parts))
        })
    }

    fn got(&self, request: &Request) -> String {
        match request.client_cert() {
            Some(certificate) => format!("{:?}", certificate.to_string()),
            None if request.scheme() == "https" => "no certificate".to_owned(),
            None => "a connection without TLS".to_owned(),
        }
    }
}

/// Whether a certificate has all of `cn=alice,o=dev*`.
fn has_all(certificate: &ClientCert, parts: &str) -> bool {
    parts.split(',').all(|part| {
        let Some((kind, value)) = part.split_once('=') else {
            return false;
        };
        let wanted = Pattern::from(value.trim());
        certificate
            .values(kind.trim())
            .any(|value| wanted.matches_text(Some(value)))
    })
}

impl fmt::Display for ClientCertIs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "client_cert {}", self.0)
    }
}
