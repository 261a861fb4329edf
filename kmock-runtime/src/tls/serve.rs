//! The server's side of a handshake.

use std::{
    collections::HashMap,
    io,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
};

use rustls::{
    DigitallySignedStruct, DistinguishedName, RootCertStore, ServerConfig, SignatureScheme,
    client::danger::HandshakeSignatureValid,
    crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, UnixTime},
    server::{
        Acceptor, WebPkiClientVerifier,
        danger::{ClientCertVerified, ClientCertVerifier},
    },
    sign::{CertifiedKey, SingleCertAndKey},
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_rustls::LazyConfigAcceptor;

use crate::{
    connections::Terms,
    error::Error,
    socket::Socket,
    tls::{Authority, Certificate, ClientCert, Secured, Tls, Version, provider},
    wire::{Wire, WiredStream},
};

/// How one server speaks TLS.
pub(crate) struct TlsServer {
    options: Tls,
    authority: Authority,
    provider: Arc<CryptoProvider>,
    verifier: Arc<AskForCert>,
    /// What is to be said to whom: sessions are resumed within one of them, and not between a right and a wrong certificate.
    configs: Mutex<HashMap<Presented, Arc<ServerConfig>>>,
}

#[derive(Clone, PartialEq, Eq, Hash)]
struct Presented {
    names: Vec<String>,
    certificate: Certificate,
    version: Option<Version>,
}

/// What became of a connection that wanted TLS.
pub(crate) enum Opened<'t> {
    Secure(Box<Socket>, Secured),
    /// It ended before there was one, in words; with the terms that it came on, where it got so far.
    Failed(String, Option<&'t Terms>),
}

/// How many certificates are kept ready: hosts come and go in tests of crawlers.
const READY: usize = 1024;

impl TlsServer {
    pub(crate) fn new(options: Tls) -> Result<TlsServer, Error> {
        let authority = options.made_authority()?;
        let provider = provider();
        let mut roots = RootCertStore::empty();
        roots
            .add(authority.certificate().clone())
            .map_err(|error| Error::invalid(format!("the authority cannot sign: {error}")))?;
        let roots = Arc::new(roots);
        let strict = WebPkiClientVerifier::builder_with_provider(roots, Arc::clone(&provider))
            .build()
            .map_err(|error| Error::invalid(format!("the authority cannot verify: {error}")))?;
        let verifier = Arc::new(AskForCert {
            strict,
            required: options.client_required,
            provider: Arc::clone(&provider),
        });
        Ok(TlsServer {
            options,
            authority,
            provider,
            verifier,
            configs: Mutex::default(),
        })
    }

    pub(crate) fn serves_plain(&self) -> bool {
        self.options.plain
    }

    pub(crate) fn authority(&self) -> &Authority {
        &self.authority
    }

    /// Makes a socket secure. `host` is what a tunnel was asked for; `decide` hears what the client asks for (SNI).
    pub(crate) async fn open<'t>(
        &self,
        socket: Socket,
        address: SocketAddr,
        host: Option<String>,
        decide: impl AsyncFnOnce(Option<String>) -> &'t mut Terms,
    ) -> Opened<'t> {
        let wire = Wire::default();
        let stream = WiredStream::new(socket, wire.clone());
        let start = match LazyConfigAcceptor::new(Acceptor::default(), stream).await {
            Ok(start) => start,
            Err(error) => return Opened::Failed(in_words(&error, true), None),
        };
        let server_name = start.client_hello().server_name().map(str::to_owned);
        let asked = server_name.clone().or(host);
        let terms = decide(asked.clone()).await;
        if let Some((cut, bytes)) = terms.cut.take() {
            wire.cut_after(bytes.unwrap_or(0), cut);
        }
        let version = terms.presents.version.or(self.options.only);
        if let Some(version) = version.filter(|version| version.spoken().is_none()) {
            let said = self.claim(version, start.io).await;
            terms.conclude(said.clone());
            return Opened::Failed(said, Some(terms));
        }
        let right = !terms.are_said();
        let presented = Presented {
            names: names(asked, address),
            certificate: terms.presents.certificate.clone(),
            version,
        };
        let config = match self.config(presented) {
            Ok(config) => config,
            Err(error) => return Opened::Failed(error.to_string(), None),
        };
        match start.into_stream(config).await {
            Ok(stream) => {
                let secured = self.secured(stream.get_ref().1, server_name);
                wire.disarm();
                Opened::Secure(Box::new(Socket::tls(stream)), secured)
            }
            Err(error) => {
                let why = in_words(&error, right);
                let shown = &terms.presents.certificate;
                if !shown.is_right() {
                    terms.conclude(format!("{shown}: {why}"));
                }
                Opened::Failed(why, Some(terms))
            }
        }
    }

    fn secured(&self, session: &rustls::ServerConnection, server_name: Option<String>) -> Secured {
        let certificates = session.peer_certificates().unwrap_or_default();
        let client_cert = certificates.split_first().and_then(|(first, others)| {
            let trusted = self
                .verifier
                .strict
                .verify_client_cert(first, others, UnixTime::now())
                .is_ok();
            ClientCert::read(first, trusted)
        });
        Secured {
            version: session.protocol_version().and_then(Version::of),
            server_name,
            protocol: session
                .alpn_protocol()
                .map(|name| String::from_utf8_lossy(name).into_owned()),
            client_cert,
        }
    }

    fn config(&self, presented: Presented) -> Result<Arc<ServerConfig>, Error> {
        let mut configs = self.configs.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(config) = configs.get(&presented) {
            return Ok(Arc::clone(config));
        }
        if configs.len() >= READY {
            configs.clear();
        }
        let made = Arc::new(self.made(&presented)?);
        configs.insert(presented, Arc::clone(&made));
        Ok(made)
    }

    fn made(&self, presented: &Presented) -> Result<ServerConfig, Error> {
        let unusable =
            |error: rustls::Error| Error::invalid(format!("TLS cannot be served: {error}"));
        let (chain, key) = self
            .authority
            .present(&presented.certificate, &presented.names)?;
        let key = self.provider.key_provider.load_private_key(key);
        let certified = CertifiedKey::new(chain, key.map_err(unusable)?);
        let spoken = presented.version.and_then(Version::spoken);
        let versions = match &spoken {
            Some(version) => std::slice::from_ref(version),
            None => rustls::DEFAULT_VERSIONS,
        };
        let mut config = ServerConfig::builder_with_provider(Arc::clone(&self.provider))
            .with_protocol_versions(versions)
            .map_err(unusable)?
            .with_client_cert_verifier(Arc::clone(&self.verifier) as _)
            .with_cert_resolver(Arc::new(SingleCertAndKey::from(certified)));
        if cfg!(feature = "http2") && !self.options.http1_only {
            config.alpn_protocols.push(b"h2".to_vec());
        }
        config.alpn_protocols.push(b"http/1.1".to_vec());
        Ok(config)
    }

    /// Claims to speak an old version only, and hears what the client has to say to that.
    async fn claim(&self, version: Version, mut stream: WiredStream) -> String {
        let mut heard = [0; 7];
        let _ = stream.write_all(&version.claim()).await;
        let _ = stream.flush().await;
        let said = match stream.read_exact(&mut heard).await {
            // An alert: type 21, its version and length, its level, and what it is about (RFC 8446, 6).
            Ok(_) if heard[0] == 21 => format!(
                "the client answered with alert {}",
                alert_name(heard[6]).map_or(heard[6].to_string(), str::to_owned)
            ),
            Ok(_) => "the client went along, and was left alone".to_owned(),
            Err(_) => "the client closed the connection".to_owned(),
        };
        format!("TLS {version} was claimed: {said}")
    }
}

fn alert_name(code: u8) -> Option<&'static str> {
    match code {
        40 => Some("handshake_failure"),
        47 => Some("illegal_parameter"),
        70 => Some("protocol_version"),
        80 => Some("internal_error"),
        86 => Some("inappropriate_fallback"),
        _ => None,
    }
}

/// The names in a certificate: what was asked for, and what leads to the server itself.
fn names(asked: Option<String>, address: SocketAddr) -> Vec<String> {
    let mut names: Vec<String> = asked.into_iter().map(|name| name.to_lowercase()).collect();
    let own = [
        "localhost".to_owned(),
        "127.0.0.1".to_owned(),
        "::1".to_owned(),
        address.ip().to_string(),
    ];
    for name in own {
        if !names.contains(&name) && name != "0.0.0.0" && name != "::" {
            names.push(name);
        }
    }
    names
}

/// Why a handshake failed; `right` says whether what was presented was right, so that a refusal means a lack of trust.
fn in_words(error: &io::Error, right: bool) -> String {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref());
    match inner {
        Some(rustls::Error::AlertReceived(alert)) => {
            let name = format!("{alert:?}");
            let trust = [
                "UnknownCA",
                "BadCertificate",
                "CertificateUnknown",
                "DecryptError",
            ];
            let help = match right && trust.contains(&name.as_str()) {
                true => {
                    "; it does not trust the certificate: give it `k.ca_pem()`, or set `k.tls_env()` for a program"
                }
                false => "",
            };
            format!("the client ended the handshake with alert {name}{help}")
        }
        Some(error) => format!("{error}"),
        None if error.kind() == io::ErrorKind::UnexpectedEof => {
            "the client closed the connection in the handshake; it may not trust the certificate"
                .to_owned()
        }
        None => error.to_string(),
    }
}

/// Asks for a certificate of the client, and takes any whose key it has; whether to trust it is for the rules to say.
#[derive(Debug)]
struct AskForCert {
    /// What says whether one is to be trusted.
    strict: Arc<dyn ClientCertVerifier>,
    required: bool,
    provider: Arc<CryptoProvider>,
}

impl ClientCertVerifier for AskForCert {
    fn client_auth_mandatory(&self) -> bool {
        self.required
    }

    /// None: clients that were given a certificate send it then, whoever has signed it.
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        if self.required {
            return self
                .strict
                .verify_client_cert(end_entity, intermediates, now);
        }
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, cert, dss, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, cert, dss, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}
