//! Who asks: credentials, then impersonation.
//!
//! The order is the server's: a client certificate, a bearer token, and whoever has neither is anonymous. A token that
//! is no good is 401 even where the anonymous are let in. As long as nobody has to say who they are
//! ([`Access::authenticates`](crate::state::access::Access::authenticates)), the anonymous are the administrator, and
//! tokens that this cluster never heard of do not count; its own are checked all the same.

pub mod accounts;
mod bootstrap_tokens;
pub mod impersonation;
mod token_file;
pub mod tokens;

use std::sync::Arc;

use http::HeaderMap;
use http::header::AUTHORIZATION;
use http::request::Parts;

use crate::model::status::ApiError;
use crate::model::user::User;
use crate::state::access::Attributes;
use crate::state::cluster::Cluster;
use crate::text::base64url;
use crate::wire::websocket;

/// Whom a verified client certificate names: an extension of requests that came over TLS.
///
/// ```
/// use kmock_kubernetes::ClientCertificate;
///
/// let mut request = http::Request::new(());
/// request.extensions_mut().insert(ClientCertificate {
///     common_name: "jane".to_owned(),
///     organizations: vec!["system:masters".to_owned()],
///     ..ClientCertificate::default()
/// });
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ClientCertificate {
    /// The subject's common name: the user's.
    pub common_name: String,
    /// The subject's organizations: the user's groups.
    pub organizations: Vec<String>,
    /// The subject's uid (OID 1.3.6.1.4.1.57683.2), if it has one.
    pub uid: String,
    /// The SHA-256 of the certificate in hexadecimal digits, lower case; empty if it is not known.
    pub fingerprint: String,
}

/// Where users carry the id of the credential that they came with.
const CREDENTIAL_ID: &str = "authentication.kubernetes.io/credential-id";

/// Tells who asks: the user of the credentials, or whom they impersonate.
pub fn user(
    cluster: &Cluster,
    parts: &Parts,
    attributes: &Attributes<'_>,
) -> Result<Arc<User>, ApiError> {
    let user = credentials(cluster, parts)?;
    impersonation::user(cluster, &parts.headers, user, attributes)
}

/// Whose credentials a request has.
pub fn credentials(cluster: &Cluster, parts: &Parts) -> Result<Arc<User>, ApiError> {
    if let Some(certificate) = parts.extensions.get::<ClientCertificate>()
        && !certificate.common_name.is_empty()
    {
        return Ok(Arc::new(of_certificate(certificate)));
    }
    if let Some(token) = bearer_token(&parts.headers)? {
        if let Some(user) = cluster.access().of_token(&token) {
            return Ok(user);
        }
        if let Some(user) = bootstrap_tokens::user(cluster, &token) {
            return Ok(Arc::new(user));
        }
        let must = cluster.access().authenticates();
        if must || tokens::is_own(&token) {
            return match tokens::verify(cluster, &token, &[]) {
                Ok(verified) => Ok(Arc::new(verified.user)),
                Err(_) => Err(ApiError::unauthorized()),
            };
        }
    }
    Ok(anonymous(cluster))
}

/// Whoever has no credentials.
pub fn anonymous(cluster: &Cluster) -> Arc<User> {
    match cluster.access().trusts_anonymous() {
        true => User::admin(),
        false => User::anonymous(),
    }
}

fn of_certificate(certificate: &ClientCertificate) -> User {
    let mut user = certificate
        .organizations
        .iter()
        .fold(User::new(certificate.common_name.as_str()), User::group)
        .uid(certificate.uid.as_str());
    if !certificate.fingerprint.is_empty() {
        let id = format!("X509SHA256={}", certificate.fingerprint);
        user = user.extra(CREDENTIAL_ID, id);
    }
    user
}

/// The token of an `Authorization` header, or of a WebSocket's protocols, where browsers have no other place for it. The
/// error: it stands there in a way that no server takes.
fn bearer_token(headers: &HeaderMap) -> Result<Option<String>, ApiError> {
    let text = headers.get(AUTHORIZATION).and_then(|x| x.to_str().ok());
    let mut words = text.unwrap_or_default().trim().splitn(3, ' ');
    if let (Some(scheme), Some(token)) = (words.next(), words.next())
        && scheme.eq_ignore_ascii_case("bearer")
    {
        return Ok((!token.is_empty()).then(|| token.to_owned()));
    }
    if !websocket::is_asked_for(headers) {
        return Ok(None);
    }
    let mut tokens = websocket::tokens(headers);
    let Some(encoded) = tokens.next() else {
        return Ok(None);
    };
    let decoded = base64url::decode(encoded).ok();
    let token = decoded.and_then(|bytes| String::from_utf8(bytes).ok());
    match token {
        // The answer names one of the protocols that were offered, and never this one.
        _ if tokens.next().is_some() || websocket::offered(headers).is_empty() => {
            Err(ApiError::unauthorized())
        }
        Some(token) => Ok((!token.is_empty()).then_some(token)),
        None => Err(ApiError::unauthorized()),
    }
}
