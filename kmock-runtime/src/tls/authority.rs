//! The authority that signs: one for the whole process, or one that is given; certificates are made as they are asked for.

use std::{
    fmt,
    net::IpAddr,
    panic::{RefUnwindSafe, UnwindSafe},
    path::{Path, PathBuf},
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, SystemTime},
};

#[cfg(feature = "cluster")]
use rcgen::CertificateSigningRequestParams;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, KeyUsagePurpose, SanType, SerialNumber,
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
#[cfg(feature = "cluster")]
use x509_parser::certification_request::X509CertificationRequest;

use crate::{
    error::Error,
    tls::certificate::{Certificate, Signer, Validity},
};

/// A certificate authority: who trusts its [`pem`](Authority::pem) trusts what the servers of this process present.
///
/// All servers of a process share one, made when it is first needed, unless one is given to [`Tls::ca`](crate::tls::Tls::ca).
///
/// ```
/// # use kmock_runtime as kmock;
/// use kmock::tls::Authority;
///
/// let authority = Authority::new()?;
/// assert!(authority.pem().starts_with("-----BEGIN CERTIFICATE-----"));
/// let alice = authority.client_identity("cn=alice,o=developers")?;
/// assert!(alice.key_pem().contains("PRIVATE KEY"));
/// # Ok::<(), kmock_runtime::Error>(())
/// ```
#[derive(Clone)]
pub struct Authority(Arc<Inner>);

struct Inner {
    pem: String,
    certificate: CertificateDer<'static>,
    issuer: Issuer<'static, KeyPair>,
    /// The key of all certificates that it makes: keys cost more than certificates, and nobody is to be kept out.
    key: KeyPair,
    serial: AtomicU64,
}

/// How long certificates were and will be valid, counted from now. Some clients refuse server certificates of more than 398 days.
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

static OF_PROCESS: OnceLock<Result<Authority, String>> = OnceLock::new();
static UNKNOWN: OnceLock<Result<Authority, String>> = OnceLock::new();

impl Authority {
    /// The authority of this process.
    ///
    /// # Errors
    /// When no keys can be made here.
    pub fn of_process() -> Result<Authority, Error> {
        let made = OF_PROCESS
            .get_or_init(|| Authority::named("kmock authority").map_err(|error| error.to_string()));
        made.clone().map_err(Error::invalid)
    }

    /// One that nobody has heard of: what signs the certificates of `certificate unknown_ca`.
    fn unknown() -> Result<Authority, Error> {
        let made = UNKNOWN.get_or_init(|| {
            Authority::named("kmock unknown authority").map_err(|error| error.to_string())
        });
        made.clone().map_err(Error::invalid)
    }

    /// A new authority, which is not that of the process.
    ///
    /// # Errors
    /// When no keys can be made here.
    pub fn new() -> Result<Authority, Error> {
        Authority::named("kmock authority")
    }

    fn named(name: &str) -> Result<Authority, Error> {
        let key = KeyPair::generate().map_err(cannot_make)?;
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        // Clients look an issuer up by its name: two of one name would be taken for each other, and found to be forged.
        let mark: String = params.key_identifier(&key)[..4]
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        params
            .distinguished_name
            .push(DnType::CommonName, format!("{name} {mark}"));
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let now = SystemTime::now();
        params.not_before = (now - DAY).into();
        params.not_after = (now + 3650 * DAY).into();
        let certificate = params.self_signed(&key).map_err(cannot_make)?;
        Authority::of(
            certificate.pem(),
            certificate.der().clone(),
            Issuer::new(params, key),
        )
    }

    /// An authority that is there already, from a text with its certificate and its private key (PEM, PKCS #8).
    ///
    /// # Errors
    /// When one of the two is missing or cannot be read.
    pub fn from_pem(text: &str) -> Result<Authority, Error> {
        let key = section(text, "PRIVATE KEY")
            .ok_or_else(|| Error::invalid("there is no private key in it (PEM, `PRIVATE KEY`)"))?;
        let pem = section(text, "CERTIFICATE")
            .ok_or_else(|| Error::invalid("there is no certificate in it (PEM, `CERTIFICATE`)"))?;
        let read = |error| Error::invalid(format!("the authority cannot be read: {error}"));
        let key = KeyPair::from_pem(key).map_err(read)?;
        let issuer = Issuer::from_ca_cert_pem(pem, key).map_err(read)?;
        let der =
            rustls::pki_types::pem::PemObject::from_pem_slice(pem.as_bytes()).map_err(|error| {
                Error::invalid(format!("the certificate cannot be read: {error:?}"))
            })?;
        Authority::of(format!("{}\n", pem.trim_end()), der, issuer)
    }

    /// An authority from a file: with its key in the same file, or beside it as `NAME-key.pem` (as mkcert has it) or `NAME.key`.
    ///
    /// # Errors
    /// When there is no such file, or no certificate and key in it.
    pub fn from_file(path: impl AsRef<Path>) -> Result<Authority, Error> {
        let path = path.as_ref();
        let read = |path: &Path| {
            std::fs::read_to_string(path)
                .map_err(|error| Error::io(format!("the authority {}", path.display()), error))
        };
        let mut text = read(path)?;
        if section(&text, "PRIVATE KEY").is_none() {
            let stem = path.file_stem().unwrap_or_default().to_string_lossy();
            let beside = [format!("{stem}-key.pem"), format!("{stem}.key")]
                .map(|name| path.with_file_name(name));
            let found: Option<&PathBuf> = beside.iter().find(|path| path.exists());
            let Some(found) = found else {
                return Err(Error::invalid(format!(
                    "the authority {} has no private key, and there is neither {} nor {}",
                    path.display(),
                    beside[0].display(),
                    beside[1].display()
                )));
            };
            text.push('\n');
            text.push_str(&read(found)?);
        }
        Authority::from_pem(&text)
            .map_err(|error| Error::invalid(format!("the authority {}: {error}", path.display())))
    }

    fn of(
        pem: String,
        certificate: CertificateDer<'static>,
        issuer: Issuer<'static, KeyPair>,
    ) -> Result<Authority, Error> {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        // Two certificates of one issuer must not share a number, not even over several runs with a given authority.
        let serial = since.unwrap_or_default().as_nanos() as u64 >> 1;
        Ok(Authority(Arc::new(Inner {
            pem,
            certificate,
            issuer,
            key: KeyPair::generate().map_err(cannot_make)?,
            serial: AtomicU64::new(serial),
        })))
    }

    /// The certificate of the authority, for those who are to trust it (PEM).
    pub fn pem(&self) -> &str {
        &self.0.pem
    }

    /// The same in DER.
    pub fn der(&self) -> &[u8] {
        &self.0.certificate
    }

    pub(crate) fn certificate(&self) -> &CertificateDer<'static> {
        &self.0.certificate
    }

    /// A certificate for a client that is to be known by it, e.g. `cn=alice,o=developers`: a user and a group to Kubernetes.
    ///
    /// # Errors
    /// When the subject is none.
    pub fn client_identity(&self, subject: &str) -> Result<ClientIdentity, Error> {
        let mut params = CertificateParams::default();
        params.distinguished_name = distinguished_name(subject)?;
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        self.finish(&mut params, Validity::Valid);
        let certificate = params
            .signed_by(&self.0.key, &self.0.issuer)
            .map_err(cannot_make)?;
        Ok(ClientIdentity {
            certificate: certificate.pem(),
            key: self.0.key.serialize_pem(),
        })
    }

    /// A certificate for a request (PKCS #10, PEM) with these usages of Kubernetes (`client auth`), valid for so long.
    #[cfg(feature = "cluster")]
    pub(crate) fn sign(
        &self,
        request: &str,
        usages: &[String],
        lifetime: Duration,
    ) -> Result<String, Error> {
        let mut asked = CertificateSigningRequestParams::from_pem(request).map_err(cannot_make)?;
        // Names here have one value a kind.
        let names = attributes_of_subject(request).unwrap_or_default();
        if asked.params.distinguished_name.iter().count() != names {
            return Err(Error::invalid(
                "kmock signs for no subject that has two values of one kind (such as two organizations)",
            ));
        }
        let params = &mut asked.params;
        params.is_ca = IsCa::NoCa;
        (params.key_usages, params.extended_key_usages) = (Vec::new(), Vec::new());
        for usage in usages {
            match purpose(usage) {
                Some(Purpose::Key(usage)) => params.key_usages.push(usage),
                Some(Purpose::Extended(usage)) => params.extended_key_usages.push(usage),
                None => {
                    return Err(Error::invalid(format!(
                        "there is no usage {usage:?} of a key"
                    )));
                }
            }
        }
        let now = SystemTime::now();
        let begin = now - Duration::from_secs(5 * 60);
        params.not_before = begin.into();
        params.not_after = (begin + lifetime).into();
        params.use_authority_key_identifier_extension = true;
        let serial = self.0.serial.fetch_add(1, Ordering::Relaxed);
        params.serial_number = Some(SerialNumber::from_slice(&serial.to_be_bytes()));
        let signed = asked.signed_by(&self.0.issuer).map_err(cannot_make)?;
        Ok(signed.pem())
    }

    /// What a server presents for these names: the chain and its key.
    pub(super) fn present(
        &self,
        certificate: &Certificate,
        names: &[String],
    ) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>), Error> {
        let names = certificate.names.as_deref().unwrap_or(names);
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        // Names of more than 64 letters do not fit there (RFC 5280, A.1); clients look at the alternative names anyway.
        if let Some(first) = names.iter().find(|name| name.len() <= 64) {
            params
                .distinguished_name
                .push(DnType::CommonName, first.as_str());
        }
        for name in names {
            params.subject_alt_names.push(match name.parse::<IpAddr>() {
                Ok(address) => SanType::IpAddress(address),
                Err(_) => SanType::DnsName(name.as_str().try_into().map_err(|_| {
                    Error::invalid(format!("{name:?} cannot be the name in a certificate"))
                })?),
            });
        }
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        self.finish(&mut params, certificate.validity);
        let signed = match certificate.signer {
            Signer::Authority => params.signed_by(&self.0.key, &self.0.issuer),
            Signer::Unknown => params.signed_by(&self.0.key, &Authority::unknown()?.0.issuer),
            Signer::Itself => params.self_signed(&self.0.key),
        };
        let signed = signed.map_err(cannot_make)?;
        let mut chain = vec![signed.der().clone()];
        if certificate.signer == Signer::Authority {
            chain.push(self.0.certificate.clone());
        }
        let key = PrivatePkcs8KeyDer::from(self.0.key.serialize_der());
        Ok((chain, key.into()))
    }

    fn finish(&self, params: &mut CertificateParams, validity: Validity) {
        let now = SystemTime::now();
        let (from, to) = match validity {
            Validity::Valid => (now - DAY, now + 365 * DAY),
            Validity::Expired => (now - 30 * DAY, now - DAY),
            Validity::NotYet => (now + DAY, now + 30 * DAY),
        };
        params.not_before = from.into();
        params.not_after = to.into();
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.use_authority_key_identifier_extension = true;
        let serial = self.0.serial.fetch_add(1, Ordering::Relaxed);
        params.serial_number = Some(SerialNumber::from_slice(&serial.to_be_bytes()));
    }
}

// It signs, and nothing else; a panic beside it leaves nothing half done.
impl UnwindSafe for Authority {}
impl RefUnwindSafe for Authority {}

impl fmt::Debug for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Authority")
    }
}

/// A client's certificate and its key, as clients take them: PEM.
///
/// ```no_run
/// # use kmock_runtime as kmock;
/// # async fn example(k: kmock::KMock) -> Result<(), Box<dyn std::error::Error>> {
/// let alice = k.client_identity("cn=alice,o=devs");
/// std::fs::write("alice.pem", alice.pem())?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct ClientIdentity {
    certificate: String,
    key: String,
}

impl ClientIdentity {
    /// The certificate.
    pub fn certificate_pem(&self) -> &str {
        &self.certificate
    }

    /// The private key (PKCS #8).
    pub fn key_pem(&self) -> &str {
        &self.key
    }

    /// Both, one after the other: what `reqwest::Identity::from_pem` and `curl --cert` take.
    pub fn pem(&self) -> String {
        format!("{}{}", self.certificate, self.key)
    }
}

impl fmt::Debug for ClientIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClientIdentity")
    }
}

/// `cn=alice,o=developers` as a name (RFC 4514, without its escapes).
fn distinguished_name(subject: &str) -> Result<DistinguishedName, Error> {
    let mut name = DistinguishedName::new();
    for part in subject.split(',').map(str::trim) {
        let malformed = || {
            Error::invalid(format!(
                "{subject:?} is no subject such as \"cn=alice,o=developers\""
            ))
        };
        let (key, value) = part.split_once('=').ok_or_else(malformed)?;
        let kind = match key.trim().to_ascii_lowercase().as_str() {
            "cn" => DnType::CommonName,
            "o" => DnType::OrganizationName,
            "ou" => DnType::OrganizationalUnitName,
            "c" => DnType::CountryName,
            "l" => DnType::LocalityName,
            "st" => DnType::StateOrProvinceName,
            _ => return Err(malformed()),
        };
        if name.get(&kind).is_some() {
            // Names here have one value a kind; a client of several groups has several organizations.
            return Err(Error::invalid(format!(
                "{subject:?} has two values of {key:?}"
            )));
        }
        name.push(kind, value.trim());
    }
    Ok(name)
}

/// The first section of a PEM text whose label ends so.
fn section<'a>(text: &'a str, label: &str) -> Option<&'a str> {
    let mut at = 0;
    while let Some(begin) = text[at..].find("-----BEGIN ") {
        let begin = at + begin;
        let end = text[begin..].find("-----END ")? + begin;
        let close = text[end + 9..].find("-----")? + end + 9 + 5;
        let first = text[begin..].lines().next().unwrap_or_default();
        if first.trim_end().ends_with(&format!("{label}-----")) {
            return text.get(begin..close);
        }
        at = close;
    }
    None
}

/// How many attributes the subject of a request has.
#[cfg(feature = "cluster")]
fn attributes_of_subject(request: &str) -> Option<usize> {
    use x509_parser::prelude::FromDer;
    let (_, pem) = x509_parser::pem::parse_x509_pem(request.as_bytes()).ok()?;
    let (_, request) = X509CertificationRequest::from_der(&pem.contents).ok()?;
    let subject = &request.certification_request_info.subject;
    Some(subject.iter_attributes().count())
}

/// What a key may be used for, in one of the two lists of a certificate.
#[cfg(feature = "cluster")]
enum Purpose {
    Key(KeyUsagePurpose),
    Extended(ExtendedKeyUsagePurpose),
}

/// The usages of `certificates.k8s.io/v1`.
#[cfg(feature = "cluster")]
fn purpose(usage: &str) -> Option<Purpose> {
    Some(match usage {
        "signing" | "digital signature" => Purpose::Key(KeyUsagePurpose::DigitalSignature),
        "content commitment" => Purpose::Key(KeyUsagePurpose::ContentCommitment),
        "key encipherment" => Purpose::Key(KeyUsagePurpose::KeyEncipherment),
        "data encipherment" => Purpose::Key(KeyUsagePurpose::DataEncipherment),
        "key agreement" => Purpose::Key(KeyUsagePurpose::KeyAgreement),
        "cert sign" => Purpose::Key(KeyUsagePurpose::KeyCertSign),
        "crl sign" => Purpose::Key(KeyUsagePurpose::CrlSign),
        "encipher only" => Purpose::Key(KeyUsagePurpose::EncipherOnly),
        "decipher only" => Purpose::Key(KeyUsagePurpose::DecipherOnly),
        "any" => Purpose::Extended(ExtendedKeyUsagePurpose::Any),
        "server auth" => Purpose::Extended(ExtendedKeyUsagePurpose::ServerAuth),
        "client auth" => Purpose::Extended(ExtendedKeyUsagePurpose::ClientAuth),
        "code signing" => Purpose::Extended(ExtendedKeyUsagePurpose::CodeSigning),
        "email protection" | "s/mime" => {
            Purpose::Extended(ExtendedKeyUsagePurpose::EmailProtection)
        }
        "timestamping" => Purpose::Extended(ExtendedKeyUsagePurpose::TimeStamping),
        "ocsp signing" => Purpose::Extended(ExtendedKeyUsagePurpose::OcspSigning),
        _ => return None,
    })
}

fn cannot_make(error: rcgen::Error) -> Error {
    Error::invalid(format!("cannot make a certificate: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_authority_is_read_from_one_file_or_two() {
        let authority = Authority::new().expect("an authority");
        let key = authority.0.issuer.key().serialize_pem();
        let both = format!("{key}\n{}", authority.pem());
        let again = Authority::from_pem(&both).expect("the same");
        assert_eq!(again.pem(), authority.pem());
        let lacking = Authority::from_pem(authority.pem()).expect_err("no key");
        assert!(lacking.to_string().contains("no private key"), "{lacking}");
    }

    #[test]
    fn subjects_are_lists_of_kinds_and_values() {
        let name = distinguished_name("cn=alice, O=dev").expect("a name");
        assert_eq!(name.iter().count(), 2);
        for wrong in ["alice", "x=1", "cn=a,cn=b", ""] {
            distinguished_name(wrong).expect_err(wrong);
        }
    }
}
