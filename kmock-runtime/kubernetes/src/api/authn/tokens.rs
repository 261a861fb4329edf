//! Tokens of ServiceAccounts: JSON Web Tokens that the cluster issues, and knows again when they come back.
//!
//! They are signed with the cluster's own key, which its seed determines, so that nobody takes them but the cluster (and its
//! twins); or by a [signer](crate::TokenSigner), so that others can verify them. The claims and the checks are those of `pkg/serviceaccount` of the real server.

use jiff::SignedDuration;
use serde_json::{Value, json};

use super::bootstrap_tokens;
use crate::model::resource::ResourceKey;
use crate::model::status::quoted;
use crate::model::user::User;
use crate::state::cluster::Cluster;
use crate::state::store::StoredObject;
use crate::text::base64url;
use crate::text::digest::sha256;

/// Who the server says it is, and whom its tokens are for if nobody else is named.
pub const ISSUER: &str = "https://kubernetes.default.svc";
/// The issuer of the tokens in Secrets.
pub const SECRET_ISSUER: &str = "kubernetes/serviceaccount";

/// The id of the key in the tokens' heads.
const KEY_ID: &str = "kmock";
/// How long a token outlives what it is bound to.
const LEEWAY: SignedDuration = SignedDuration::from_mins(1);
const PREFIX: &str = "authentication.kubernetes.io";

/// What a token proved to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// Whom it stands for.
    pub user: User,
    /// The audiences that were asked for, and that it is for.
    pub audiences: Vec<String>,
}

/// Signs claims.
pub fn sign(cluster: &Cluster, claims: &Value) -> String {
    let signer = cluster.access().signer();
    let algorithm = signer.as_ref().map_or("HS256", |signer| signer.algorithm());
    let head = json!({"alg": algorithm, "kid": KEY_ID});
    let part = |value: &Value| base64url::encode(value.to_string().as_bytes());
    let signed = format!("{}.{}", part(&head), part(claims));
    let signature = match signer.and_then(|signer| signer.sign(signed.as_bytes())) {
        Some(signature) => base64url::encode(&signature),
        None => own_signature(cluster, &signed),
    };
    format!("{signed}.{signature}")
}

/// HMAC-SHA256 (RFC 2104).
fn own_signature(cluster: &Cluster, signed: &str) -> String {
    let key = sha256(format!("kmock {}", cluster.options().seed).as_bytes());
    let pad = |with: u8| {
        let mut block = [with; 64];
        for (byte, key) in block.iter_mut().zip(key) {
            *byte ^= key;
        }
        block
    };
    let inner = sha256(&[&pad(0x36), signed.as_bytes()].concat());
    base64url::encode(&sha256(&[&pad(0x5c)[..], &inner[..]].concat()))
}

/// Whether a signature is the cluster's.
fn is_signed(cluster: &Cluster, signed: &str, signature: &str) -> bool {
    match cluster.access().signer() {
        Some(signer) => base64url::decode(signature)
            .is_ok_and(|signature| signer.verify(signed.as_bytes(), &signature)),
        None => own_signature(cluster, signed) == signature,
    }
}

/// The keys by which others verify tokens.
pub fn keys(cluster: &Cluster) -> Vec<Value> {
    let key = cluster.access().signer().map(|signer| {
        let mut key = signer.key();
        key["kid"] = KEY_ID.into();
        key
    });
    key.into_iter().collect()
}

/// Whether a token claims to be one of ours: then it has to be good.
pub fn is_own(token: &str) -> bool {
    read(token).is_some_and(|(head, _)| head["kid"] == KEY_ID)
}

/// The head and the claims of a token, whatever its signature.
fn read(token: &str) -> Option<(Value, Value)> {
    let mut parts = token.split('.');
    let (head, claims, _) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() {
        return None;
    }
    let part = |text: &str| -> Option<Value> {
        serde_json::from_slice(&base64url::decode(text).ok()?).ok()
    };
    Some((part(head)?, part(claims).filter(Value::is_object)?))
}

/// Checks a token for some audiences, by default the server's own. The failure is the server's text.
pub fn verify(cluster: &Cluster, token: &str, audiences: &[String]) -> Result<Verified, String> {
    let unknown = || "token lookup failed".to_owned();
    let (_, claims) = read(token).ok_or_else(unknown)?;
    let (signed, signature) = token.rsplit_once('.').ok_or_else(unknown)?;
    if !is_signed(cluster, signed, signature) {
        return Err(unknown());
    }
    match text(&claims, "iss") {
        ISSUER => verify_bound(cluster, &claims, audiences),
        SECRET_ISSUER => verify_secret(cluster, token, &claims, audiences),
        _ => Err(unknown()),
    }
}

/// Checks any token that the cluster takes, as [`verify`] does.
pub fn review(cluster: &Cluster, token: &str, audiences: &[String]) -> Result<Verified, String> {
    let known = cluster.access().of_token(token);
    let known = known.map(|user| (*user).clone());
    match known.or_else(|| bootstrap_tokens::user(cluster, token)) {
        Some(user) => Ok(Verified {
            user,
            audiences: fitting(&[ISSUER], audiences)?,
        }),
        None => verify(cluster, token, audiences),
    }
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_default()
}

/// The audiences of a token that are asked for: its own if nobody asks for any in particular.
fn fitting(of_token: &[&str], audiences: &[String]) -> Result<Vec<String>, String> {
    let own = [ISSUER.to_owned()];
    let asked = if audiences.is_empty() {
        &own
    } else {
        audiences
    };
    let fitting: Vec<String> = asked
        .iter()
        .filter(|asked| of_token.contains(&asked.as_str()))
        .cloned()
        .collect();
    match fitting.is_empty() {
        false => Ok(fitting),
        true => Err(format!(
            "token audiences {} is invalid for the target audiences {}",
            in_go(of_token),
            in_go(asked)
        )),
    }
}

/// A list of texts as Go prints it.
fn in_go(items: &[impl AsRef<str>]) -> String {
    let items: Vec<String> = items.iter().map(|item| quoted(item.as_ref())).collect();
    format!("[{}]", items.join(" "))
}

/// A token of a TokenRequest.
fn verify_bound(
    cluster: &Cluster,
    claims: &Value,
    audiences: &[String],
) -> Result<Verified, String> {
    let of_token: Vec<&str> = strings(&claims["aud"]);
    let audiences = fitting(&of_token, audiences)?;
    let now = cluster.now().as_second();
    if claims["exp"].as_i64().is_none_or(|end| end <= now) {
        return Err("service account token has expired".to_owned());
    }
    if claims["nbf"].as_i64().is_some_and(|start| start > now) {
        return Err("service account token is not valid yet".to_owned());
    }
    let bound = &claims["kubernetes.io"];
    let namespace = text(bound, "namespace");
    let account = &bound["serviceaccount"];
    check_account(
        cluster,
        namespace,
        text(account, "name"),
        text(account, "uid"),
    )?;
    if bound["secret"].is_object() {
        check_bound(cluster, "secret", namespace, &bound["secret"], "secret")?;
    }
    if bound["pod"].is_object() {
        check_bound(cluster, "pod", namespace, &bound["pod"], "pod")?;
    } else if bound["node"].is_object() {
        check_bound(cluster, "node", "", &bound["node"], "node")?;
    }
    let mut user =
        User::service_account(namespace, text(account, "name")).uid(text(account, "uid"));
    if let Some(id) = claims["jti"].as_str() {
        user = user.extra(super::CREDENTIAL_ID, format!("JTI={id}"));
    }
    for kind in ["pod", "node"] {
        for key in ["name", "uid"] {
            if let Some(value) = bound[kind][key].as_str() {
                user = user.extra(format!("{PREFIX}/{kind}-{key}"), value);
            }
        }
    }
    Ok(Verified { user, audiences })
}

/// A token in a Secret, which never expires: it is as good as its Secret.
fn verify_secret(
    cluster: &Cluster,
    token: &str,
    claims: &Value,
    audiences: &[String],
) -> Result<Verified, String> {
    let claim = |key: &str| text(claims, &format!("kubernetes.io/serviceaccount/{key}"));
    let audiences = fitting(&[ISSUER], audiences)?;
    let (namespace, secret) = (claim("namespace"), claim("secret.name"));
    let (name, uid) = (claim("service-account.name"), claim("service-account.uid"));
    let invalidated = || "Token has been invalidated".to_owned();
    let found = find(cluster, "secrets", namespace, secret).ok_or_else(invalidated)?;
    if found.is_terminating() {
        return Err(invalidated());
    }
    let stored = crate::kinds::builtin::base64::decode(text(&found.value["data"], "token"));
    if stored.ok().as_deref() != Some(token.as_bytes()) {
        return Err("Token does not match server's copy".to_owned());
    }
    let account = find(cluster, "serviceaccounts", namespace, name)
        .ok_or_else(|| format!("serviceaccounts {} not found", quoted(name)))?;
    if account.is_terminating() {
        return Err(format!(
            "ServiceAccount {namespace}/{name} has been deleted"
        ));
    }
    if account.uid() != uid {
        return Err(format!(
            "ServiceAccount UID ({}) does not match claim ({uid})",
            account.uid()
        ));
    }
    let user = User::service_account(namespace, name).uid(uid);
    Ok(Verified { user, audiences })
}

fn strings(list: &Value) -> Vec<&str> {
    let items = list.as_array().into_iter().flatten();
    items.filter_map(Value::as_str).collect()
}

fn find(
    cluster: &Cluster,
    plural: &str,
    namespace: &str,
    name: &str,
) -> Option<std::sync::Arc<StoredObject>> {
    let key = match namespace {
        "" => name.to_owned(),
        namespace => format!("{namespace}/{name}"),
    };
    cluster.store().get(&ResourceKey::new("", plural), &key)
}

/// Whether an object's deletion was begun so long ago that tokens do not outlive it any more.
fn is_gone(cluster: &Cluster, object: &StoredObject) -> bool {
    let deleted = object.metadata()["deletionTimestamp"].as_str();
    let deleted = deleted.and_then(|time| time.parse::<jiff::Timestamp>().ok());
    deleted.is_some_and(|deleted| {
        let end = deleted.checked_add(LEEWAY).unwrap_or(deleted);
        end < cluster.now()
    })
}

fn check_account(cluster: &Cluster, namespace: &str, name: &str, uid: &str) -> Result<(), String> {
    let Some(account) = find(cluster, "serviceaccounts", namespace, name) else {
        return Err(format!("serviceaccounts {} not found", quoted(name)));
    };
    if is_gone(cluster, &account) {
        return Err(format!(
            "service account {namespace}/{name} has been deleted"
        ));
    }
    match account.uid() {
        found if found == uid => Ok(()),
        found => Err(format!(
            "service account UID ({found}) does not match claim ({uid})"
        )),
    }
}

fn check_bound(
    cluster: &Cluster,
    kind: &str,
    namespace: &str,
    reference: &Value,
    claim: &str,
) -> Result<(), String> {
    let invalidated = || "service account token has been invalidated".to_owned();
    let name = text(reference, "name");
    let found = find(cluster, &format!("{kind}s"), namespace, name).ok_or_else(invalidated)?;
    if is_gone(cluster, &found) {
        return Err(invalidated());
    }
    let uid = text(reference, "uid");
    match found.uid() {
        found if found == uid => Ok(()),
        found => Err(format!(
            "{kind} UID ({found}) does not match service account {claim} ref claim ({uid})"
        )),
    }
}
