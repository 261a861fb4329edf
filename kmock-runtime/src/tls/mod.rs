//! HTTPS: certificates that are made as they are asked for, what clients need to trust them, and how TLS goes wrong.
//!
//! A server with [`Builder::tls`](crate::Builder::tls) speaks TLS 1.2 and 1.3, with HTTP/2 by ALPN (feature `http2`). Its
//! certificates are made for the host that a client asks for (SNI, RFC 6066 section 3), signed by one [`Authority`] a process.

mod admit;
mod authority;
mod certificate;
mod client_cert;
mod criteria;
mod mock;
mod presents;
mod serve;
mod trust;
mod version;

use std::path::PathBuf;

pub(crate) use self::{
    admit::{Arriving, admit},
    presents::Presents,
    serve::{Opened, TlsServer},
    trust::{Trust, provider},
};
pub use self::{
    authority::{Authority, ClientIdentity},
    certificate::Certificate,
    client_cert::ClientCert,
    version::Version,
};
use crate::error::Error;

/// Says whose cryptography rustls uses in this process, unless somebody has said so: aws-lc where the feature `aws-lc` is on,
/// ring elsewhere. Servers with TLS do so when they start.
///
/// Clients of rustls that name none panic where the crates of a program bring both and nobody has said which is meant.
///
/// ```
/// # use kmock_runtime as kmock;
/// kmock::tls::install_provider();
/// assert!(rustls::crypto::CryptoProvider::get_default().is_some());
/// ```
pub fn install_provider() {
    provider();
}

/// How a server speaks TLS.
///
/// ```no_run
/// # use kmock_runtime as kmock;
/// # async fn example() -> Result<(), kmock_runtime::Error> {
/// use kmock::{KMock, tls::Tls};
///
/// let k = KMock::builder().tls_with(Tls::new().and_plain()).start().await?;
/// # drop(k);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default)]
#[must_use = "options do nothing until a server is built with them"]
pub struct Tls {
    authority: Given,
    pub(crate) plain: bool,
    pub(crate) client_required: bool,
    pub(crate) only: Option<Version>,
    pub(crate) http1_only: bool,
}

#[derive(Clone, Debug, Default)]
enum Given {
    #[default]
    OfProcess,
    Authority(Authority),
    File(PathBuf),
}

impl Tls {
    /// TLS 1.2 and 1.3 with the authority of the process; client certificates are asked for, and need not come.
    pub fn new() -> Tls {
        Tls::default()
    }

    /// Signs by this authority.
    pub fn authority(mut self, authority: Authority) -> Tls {
        self.authority = Given::Authority(authority);
        self
    }

    /// Signs by the authority of a file; see [`Authority::from_file`]. It is read when the server starts.
    pub fn ca(mut self, path: impl Into<PathBuf>) -> Tls {
        self.authority = Given::File(path.into());
        self
    }

    /// Plain HTTP is answered, too, on the same port: what comes first tells the two apart.
    pub fn and_plain(mut self) -> Tls {
        self.plain = true;
        self
    }

    /// No handshake without a client certificate that the authority has signed.
    pub fn client_required(mut self) -> Tls {
        self.client_required = true;
        self
    }

    /// Only this version of TLS.
    pub fn only(mut self, version: Version) -> Tls {
        self.only = Some(version);
        self
    }

    /// Only HTTP/1.1, whatever clients offer by ALPN.
    pub fn http1_only(mut self) -> Tls {
        self.http1_only = true;
        self
    }

    pub(crate) fn made_authority(&self) -> Result<Authority, Error> {
        match &self.authority {
            Given::OfProcess => Authority::of_process(),
            Given::Authority(authority) => Ok(authority.clone()),
            Given::File(path) => Authority::from_file(path),
        }
    }
}

/// What is known of the TLS of a connection.
#[derive(Clone, Debug)]
pub(crate) struct Secured {
    pub(crate) version: Option<Version>,
    pub(crate) server_name: Option<String>,
    pub(crate) protocol: Option<String>,
    pub(crate) client_cert: Option<ClientCert>,
}
