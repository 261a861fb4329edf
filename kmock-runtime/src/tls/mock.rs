//! What tests ask a server of its TLS.

use std::path::PathBuf;

use crate::{
    error::Error,
    mock::KMock,
    options::Builder,
    tls::{ClientIdentity, Tls, Trust},
};

impl Builder {
    /// HTTPS, with certificates of the process's own authority for whatever host is asked for: see [`tls`](crate::tls).
    ///
    /// ```no_run
    /// # use kmock_runtime as kmock;
    /// # async fn example() -> Result<(), kmock_runtime::Error> {
    /// let k = kmock::KMock::builder().tls().start().await?;
    /// assert!(k.url().starts_with("https://"));
    /// k.on("get /").body("john");
    /// assert_eq!(k.get("/").await.text(), "john");
    /// # Ok(())
    /// # }
    /// ```
    pub fn tls(self) -> Builder {
        self.tls_with(Tls::new())
    }

    /// HTTPS as it is said.
    pub fn tls_with(mut self, tls: Tls) -> Builder {
        self.tls = Some(tls);
        self
    }
}

impl KMock {
    /// The certificate of the authority that signs for this server (PEM): what clients are to trust.
    ///
    /// Servers without TLS have one, too: it signs for the hosts that clients reach through them as a proxy.
    ///
    /// # Panics
    /// When no keys can be made here.
    #[track_caller]
    pub fn ca_pem(&self) -> String {
        or_panic(self.core().tunnels()).authority().pem().to_owned()
    }

    /// The same as a file, for programs that want one. It goes with the server.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn ca_file(&self) -> Result<PathBuf, Error> {
        let pem = self.core().tunnels()?.authority().pem().to_owned();
        self.temporary("ca.pem", pem.as_bytes())
    }

    /// Environment variables with which other programs trust this server, for [`Command::envs`](std::process::Command::envs):
    /// `SSL_CERT_FILE` (OpenSSL, Go, rustls), `CURL_CA_BUNDLE`, `REQUESTS_CA_BUNDLE` (Python), `NODE_EXTRA_CA_CERTS`, and kin.
    ///
    /// ```no_run
    /// # async fn example(k: kmock_runtime::KMock) -> Result<(), Box<dyn std::error::Error>> {
    /// std::process::Command::new("curl").arg(k.url()).envs(k.tls_env()?).spawn()?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn tls_env(&self) -> Result<Vec<(&'static str, PathBuf)>, Error> {
        let file = self.ca_file()?;
        let names = [
            "SSL_CERT_FILE",
            "CURL_CA_BUNDLE",
            "REQUESTS_CA_BUNDLE",
            "NODE_EXTRA_CA_CERTS",
            "AWS_CA_BUNDLE",
            "GIT_SSL_CAINFO",
            "DENO_CERT",
            "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH",
        ];
        Ok(names.map(|name| (name, file.clone())).to_vec())
    }

    /// A certificate and key for a client, signed by the server's authority: `k.client_identity("cn=alice,o=developers")`.
    ///
    /// # Panics
    /// When the subject is none.
    #[track_caller]
    pub fn client_identity(&self, subject: &str) -> ClientIdentity {
        let tls = or_panic(self.core().tunnels());
        or_panic(tls.authority().client_identity(subject))
    }

    /// The configuration of a client of rustls that trusts this server: for hyper-rustls, tokio-rustls, ureq, tonic, ….
    /// It offers nothing by ALPN, which those clients set themselves.
    ///
    /// # Panics
    /// When no keys can be made here.
    #[track_caller]
    pub fn rustls(&self) -> rustls::ClientConfig {
        or_panic(self.trust().and_then(|trust| trust.config()))
    }

    /// As [`KMock::rustls`], with a certificate of the client.
    ///
    /// # Panics
    /// When no keys can be made here.
    #[track_caller]
    pub fn rustls_as(&self, identity: &ClientIdentity) -> rustls::ClientConfig {
        let trust = or_panic(self.trust());
        let trust = trust.identity(identity.certificate_pem(), identity.key_pem());
        or_panic(trust.config())
    }

    pub(crate) fn trust(&self) -> Result<Trust, Error> {
        Ok(Trust::nobody().authority(self.core().tunnels()?.authority()))
    }
}

#[track_caller]
fn or_panic<T>(made: Result<T, Error>) -> T {
    match made {
        Ok(made) => made,
        Err(error) => panic!("kmock: {error}"),
    }
}
