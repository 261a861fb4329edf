//! The client's side: whom to trust, and as whom to come.

use std::sync::{Arc, OnceLock};

use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme,
    client::{
        WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
        verify_server_name,
    },
    crypto::CryptoProvider,
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime, pem::PemObject},
    server::ParsedCertificate,
};

use crate::{error::Error, tls::Authority};

#[cfg(not(any(feature = "aws-lc", feature = "ring")))]
compile_error!(
    "the feature `tls` of kmock-runtime wants a cryptography: add the feature `ring` or `aws-lc`"
);

/// The cryptography that comes with the features: who asks for aws-lc gets it, also where others ask for ring.
#[cfg(feature = "aws-lc")]
use rustls::crypto::aws_lc_rs as of_features;
#[cfg(not(feature = "aws-lc"))]
use rustls::crypto::ring as of_features;

/// The cryptography of this process: what somebody has installed, or that of the features, which is installed then.
///
/// Clients of rustls that name none take the one that is compiled in, and panic where there are two, or none: as this feature
/// brings one, it also says which is meant. Whoever has said so before is heard.
pub(crate) fn provider() -> Arc<CryptoProvider> {
    if let Some(provider) = CryptoProvider::get_default() {
        return Arc::clone(provider);
    }
    match of_features::default_provider().install_default() {
        Ok(()) => provider(),
        // Somebody else was faster.
        Err(other) => CryptoProvider::get_default().cloned().unwrap_or(other),
    }
}

/// Whom a client of ours trusts.
#[derive(Clone, Debug, Default)]
pub(crate) struct Trust {
    roots: Vec<CertificateDer<'static>>,
    identity: Option<(String, String)>,
}

impl Trust {
    /// Nobody yet.
    pub(crate) fn nobody() -> Trust {
        Trust::default()
    }

    /// One authority.
    pub(crate) fn authority(mut self, authority: &Authority) -> Trust {
        self.roots.push(authority.certificate().clone());
        self
    }

    /// The authorities of a PEM text, e.g. of a `caBundle`.
    pub(crate) fn pem(mut self, text: &[u8]) -> Result<Trust, Error> {
        let before = self.roots.len();
        for certificate in CertificateDer::pem_slice_iter(text) {
            self.roots.push(certificate.map_err(|error| {
                Error::invalid(format!("the certificates cannot be read: {error:?}"))
            })?);
        }
        match self.roots.len() > before {
            true => Ok(self),
            false => Err(Error::invalid(
                "there is no certificate in it (PEM, `CERTIFICATE`)",
            )),
        }
    }

    /// Those that the system trusts, or those of `SSL_CERT_FILE`.
    pub(crate) fn system(mut self) -> Trust {
        static SYSTEM: OnceLock<Vec<CertificateDer<'static>>> = OnceLock::new();
        let system = SYSTEM.get_or_init(|| rustls_native_certs::load_native_certs().certs);
        self.roots.extend(system.iter().cloned());
        self
    }

    /// Comes with a certificate of its own.
    pub(crate) fn identity(mut self, certificate: &str, key: &str) -> Trust {
        self.identity = Some((certificate.to_owned(), key.to_owned()));
        self
    }

    /// As rustls has it; what is spoken above TLS (ALPN) is left to who uses it.
    pub(crate) fn config(&self) -> Result<ClientConfig, Error> {
        let unusable =
            |error: rustls::Error| Error::invalid(format!("TLS cannot be used: {error}"));
        let mut roots = RootCertStore::empty();
        // Systems have old ones that cannot be read; of those that can, one will do.
        roots.add_parsable_certificates(self.roots.iter().cloned());
        let verifier = WebPkiServerVerifier::builder_with_provider(roots.into(), provider())
            .build()
            .map_err(|error| Error::invalid(format!("TLS cannot be used: {error}")))?;
        let verifier = Anchored {
            inner: verifier,
            roots: self.roots.clone(),
        };
        let builder = ClientConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .map_err(unusable)?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier));
        let Some((certificate, key)) = &self.identity else {
            return Ok(builder.with_no_client_auth());
        };
        let unreadable = |error| {
            Error::invalid(format!(
                "the client's certificate cannot be read: {error:?}"
            ))
        };
        let chain = CertificateDer::pem_slice_iter(certificate.as_bytes())
            .collect::<Result<Vec<_>, _>>()
            .map_err(unreadable)?;
        let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).map_err(unreadable)?;
        builder.with_client_auth_cert(chain, key).map_err(unusable)
    }
}

/// Verifies as rustls does, and takes a certificate that is trusted itself, too: one that signed itself and says that it is an
/// authority, as tools make them for tests. Others (Go, OpenSSL) take it without ado.
#[derive(Debug)]
struct Anchored {
    inner: Arc<WebPkiServerVerifier>,
    roots: Vec<CertificateDer<'static>>,
}

/// Whether a certificate holds at a time.
fn is_valid(certificate: &CertificateDer<'_>, now: UnixTime) -> bool {
    let Ok((_, parsed)) = x509_parser::parse_x509_certificate(certificate) else {
        return false;
    };
    let now = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
    let validity = parsed.validity();
    (validity.not_before.timestamp()..=validity.not_after.timestamp()).contains(&now)
}

impl ServerCertVerifier for Anchored {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let verified = self.inner.verify_server_cert(
            end_entity,
            intermediates,
            server_name,
            ocsp_response,
            now,
        );
        if verified.is_ok() || !self.roots.iter().any(|root| root == end_entity) {
            return verified;
        }
        verify_server_name(&ParsedCertificate::try_from(end_entity)?, server_name)?;
        if !is_valid(end_entity, now) {
            return Err(CertificateError::Expired.into());
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.inner
            .verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.inner
            .verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.inner.supported_verify_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn aws_lc_is_taken_where_it_is_asked_for_and_ring_elsewhere() {
        let name = match cfg!(feature = "aws-lc") {
            true => "AwsLcRs",
            false => "Ring",
        };
        assert_eq!(format!("{:?}", provider().key_provider), name);
    }
}
