//! Who a client says it is: the certificate that it presents.

use std::{fmt, sync::Arc};

use rustls::pki_types::CertificateDer;
use x509_parser::{
    extensions::GeneralName,
    prelude::{FromDer, X509Certificate},
};

/// The certificate that a client presented in the handshake. It has proved that the key is its own.
///
/// `attributes` are lower-case kinds with their values, as they stand in the subject: `cn`, `o` (Kubernetes: the user and
/// its groups), `ou`, `c`, `l`, `st`, `uid`, `serial`; and the alternative names: `dns`, `email`, `uri`, `ip`.
///
/// It is also an extension of the requests that routers and the like get ([`Request::to_http`](crate::Request::to_http)).
///
/// ```no_run
/// # use kmock_runtime as kmock;
/// # async fn example(k: kmock::KMock) -> Result<(), Box<dyn std::error::Error>> {
/// let seen = k.requests();
/// let certificate = seen[0].client_cert().expect("one was presented");
/// assert!(certificate.is_trusted());
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct ClientCert(Arc<Inner>);

struct Inner {
    attributes: Vec<(String, String)>,
    trusted: bool,
    der: CertificateDer<'static>,
}

impl ClientCert {
    /// `None` where it cannot be read, which a handshake does not notice.
    pub(super) fn read(der: &CertificateDer<'_>, trusted: bool) -> Option<ClientCert> {
        let (_, certificate) = X509Certificate::from_der(der).ok()?;
        let mut attributes = Vec::new();
        for attribute in certificate.subject().iter_attributes() {
            let oid = attribute.attr_type().to_id_string();
            let kind = KINDS.iter().find(|(_, known)| *known == oid);
            let kind = kind.map_or(oid.clone(), |(kind, _)| (*kind).to_owned());
            if let Ok(value) = attribute.as_str() {
                attributes.push((kind, value.to_owned()));
            }
        }
        if let Ok(Some(names)) = certificate.subject_alternative_name() {
            for name in &names.value.general_names {
                let (kind, value) = match name {
                    GeneralName::DNSName(name) => ("dns", (*name).to_owned()),
                    GeneralName::RFC822Name(name) => ("email", (*name).to_owned()),
                    GeneralName::URI(uri) => ("uri", (*uri).to_owned()),
                    GeneralName::IPAddress(bytes) => ("ip", address(bytes)?),
                    _ => continue,
                };
                attributes.push((kind.to_owned(), value));
            }
        }
        Some(ClientCert(Arc::new(Inner {
            attributes,
            trusted,
            der: der.clone().into_owned(),
        })))
    }

    /// The common name, or an empty text: the user, to Kubernetes.
    pub fn common_name(&self) -> &str {
        self.values("cn").next().unwrap_or_default()
    }

    /// The organizations: the groups, to Kubernetes.
    pub fn organizations(&self) -> Vec<&str> {
        self.values("o").collect()
    }

    /// All values of a kind, e.g. `ou` or `dns`.
    pub fn values<'a>(&'a self, kind: &str) -> impl Iterator<Item = &'a str> + use<'a> {
        let kind = kind.to_ascii_lowercase();
        self.0
            .attributes
            .iter()
            .filter(move |(known, _)| *known == kind)
            .map(|(_, value)| value.as_str())
    }

    /// Kinds and values, in order.
    pub fn attributes(&self) -> &[(String, String)] {
        &self.0.attributes
    }

    /// Whether it is signed by the authority of the server, valid now, and meant for clients.
    pub fn is_trusted(&self) -> bool {
        self.0.trusted
    }

    /// The certificate itself.
    pub fn der(&self) -> &[u8] {
        &self.0.der
    }
}

impl fmt::Display for ClientCert {
    /// `cn=alice,o=developers`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (nth, (kind, value)) in self.0.attributes.iter().enumerate() {
            let comma = if nth == 0 { "" } else { "," };
            write!(f, "{comma}{kind}={value}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for ClientCert {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ClientCert({self})")
    }
}

/// Names of what stands in subjects (RFC 4514, section 3; RFC 4519).
const KINDS: [(&str, &str); 10] = [
    ("cn", "2.5.4.3"),
    ("o", "2.5.4.10"),
    ("ou", "2.5.4.11"),
    ("c", "2.5.4.6"),
    ("l", "2.5.4.7"),
    ("st", "2.5.4.8"),
    ("serial", "2.5.4.5"),
    ("uid", "0.9.2342.19200300.100.1.1"),
    ("dc", "0.9.2342.19200300.100.1.25"),
    ("email", "1.2.840.113549.1.9.1"),
];

fn address(bytes: &[u8]) -> Option<String> {
    if let Ok(four) = <[u8; 4]>::try_from(bytes) {
        return Some(std::net::Ipv4Addr::from(four).to_string());
    }
    let sixteen = <[u8; 16]>::try_from(bytes).ok()?;
    Some(std::net::Ipv6Addr::from(sixteen).to_string())
}
