//! Versions of TLS: those that are spoken, and those that are only claimed.

use std::{fmt, str::FromStr};

use rustls::{ProtocolVersion, SupportedProtocolVersion};

use crate::error::Error;

/// A version of TLS.
///
/// ```no_run
/// # use kmock_runtime as kmock;
/// # async fn example(k: kmock::KMock) -> Result<(), Box<dyn std::error::Error>> {
/// use kmock::{Filter, tls::Version};
///
/// k.on(Filter::connection()).tls_version(Version::V1_2);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Version {
    /// TLS 1.0: it is claimed, not spoken. Clients of today end the handshake when they hear of it.
    V1_0,
    /// TLS 1.1: as 1.0.
    V1_1,
    /// TLS 1.2 (RFC 5246).
    V1_2,
    /// TLS 1.3 (RFC 8446).
    V1_3,
}

impl Version {
    /// Whether it is spoken here.
    pub(super) fn spoken(self) -> Option<&'static SupportedProtocolVersion> {
        match self {
            Version::V1_0 | Version::V1_1 => None,
            Version::V1_2 => Some(&rustls::version::TLS12),
            Version::V1_3 => Some(&rustls::version::TLS13),
        }
    }

    pub(super) fn of(version: ProtocolVersion) -> Option<Version> {
        match version {
            ProtocolVersion::TLSv1_2 => Some(Version::V1_2),
            ProtocolVersion::TLSv1_3 => Some(Version::V1_3),
            _ => None,
        }
    }

    /// The answer of a server that speaks only this version: a ServerHello (RFC 2246 and RFC 4346, 7.4.1.3), which says so
    /// in its first bytes.
    pub(super) fn claim(self) -> Vec<u8> {
        let minor = match self {
            Version::V1_0 => 1,
            Version::V1_1 => 2,
            Version::V1_2 | Version::V1_3 => 3,
        };
        // The version, 32 bytes that are to be random, no session, TLS_RSA_WITH_AES_128_CBC_SHA, no compression.
        let mut hello = vec![3, minor];
        hello.extend((0..32_u8).map(|n| n.wrapping_mul(73).wrapping_add(29)));
        hello.extend([0, 0x00, 0x2f, 0]);
        let length = hello.len() as u8;
        let mut record = vec![22, 3, minor, 0, length + 4, 2, 0, 0, length];
        record.extend(hello);
        record
    }
}

impl FromStr for Version {
    type Err = Error;

    fn from_str(text: &str) -> Result<Version, Error> {
        match text {
            "1.0" => Ok(Version::V1_0),
            "1.1" => Ok(Version::V1_1),
            "1.2" => Ok(Version::V1_2),
            "1.3" => Ok(Version::V1_3),
            _ => Err(Error::invalid(format!(
                "{text:?} is no version of TLS: 1.0, 1.1, 1.2 and 1.3 are"
            ))),
        }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Version::V1_0 => "1.0",
            Version::V1_1 => "1.1",
            Version::V1_2 => "1.2",
            Version::V1_3 => "1.3",
        })
    }
}
