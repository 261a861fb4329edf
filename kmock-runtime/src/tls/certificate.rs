//! What a server presents: the right certificate, or one that a client must refuse.

use std::fmt;

/// The certificate that a connection is shown: the right one unless said, or one that clients must refuse.
///
/// ```
/// # use kmock_runtime as kmock;
/// use kmock::{Filter, Rule, tls::Certificate};
///
/// let expired = Rule::on(Filter::connection()).certificate(Certificate::expired());
/// let other = Rule::on(Filter::connection()).certificate(Certificate::for_hosts(["b.example.com"]));
/// # drop((expired, other));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
#[must_use = "a certificate is presented when a rule for connections has it"]
pub struct Certificate {
    /// `None`: those that are asked for.
    pub(super) names: Option<Vec<String>>,
    pub(super) validity: Validity,
    pub(super) signer: Signer,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) enum Validity {
    #[default]
    Valid,
    Expired,
    NotYet,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) enum Signer {
    #[default]
    Authority,
    Unknown,
    Itself,
}

impl Certificate {
    /// The right one, for the host that the client asks for.
    pub fn valid() -> Certificate {
        Certificate::default()
    }

    /// One that ended yesterday.
    pub fn expired() -> Certificate {
        Certificate {
            validity: Validity::Expired,
            ..Certificate::default()
        }
    }

    /// One that begins tomorrow.
    pub fn not_yet_valid() -> Certificate {
        Certificate {
            validity: Validity::NotYet,
            ..Certificate::default()
        }
    }

    /// One for another host than that which was asked for: `wrong.host.invalid`.
    pub fn wrong_host() -> Certificate {
        Certificate::for_hosts(["wrong.host.invalid"])
    }

    /// One for these hosts (names and addresses), whatever was asked for.
    pub fn for_hosts<H: Into<String>>(hosts: impl IntoIterator<Item = H>) -> Certificate {
        Certificate {
            names: Some(hosts.into_iter().map(Into::into).collect()),
            ..Certificate::default()
        }
    }

    /// One of an authority that nobody has heard of.
    pub fn unknown_ca() -> Certificate {
        Certificate {
            signer: Signer::Unknown,
            ..Certificate::default()
        }
    }

    /// One that is signed by itself.
    pub fn self_signed() -> Certificate {
        Certificate {
            signer: Signer::Itself,
            ..Certificate::default()
        }
    }

    /// Whether clients are to take it.
    pub(crate) fn is_right(&self) -> bool {
        *self == Certificate::default()
    }
}

impl fmt::Display for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("certificate ")?;
        match (&self.validity, &self.signer, &self.names) {
            (Validity::Expired, ..) => f.write_str("expired"),
            (Validity::NotYet, ..) => f.write_str("not_yet_valid"),
            (_, Signer::Unknown, _) => f.write_str("unknown_ca"),
            (_, Signer::Itself, _) => f.write_str("self_signed"),
            (_, _, Some(names)) => write!(f, "{:?}", names.join(",")),
            _ => f.write_str("valid"),
        }
    }
}
