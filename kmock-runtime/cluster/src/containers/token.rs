//! Tokens of accounts, as files: issued when somebody reads them.

use std::fmt;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;

use crate::emulator::Cluster;
use crate::emulator::authn::tokens::ISSUER;
use crate::emulator::resource::ResourceKey;
use crate::emulator::token;
use crate::json::{Json, json};
use crate::object::{self, text};

/// A file with a token of the account that a Pod runs as, bound to the Pod.
#[derive(Clone)]
pub(crate) struct Token {
    /// Where the container sees it.
    pub(crate) path: String,
    cluster: Cluster,
    account: String,
    audience: String,
    seconds: i64,
    bound: Json,
    issued: Arc<OnceLock<Option<Bytes>>>,
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Token({} of {})", self.path, self.account)
    }
}

impl Token {
    /// As a volume asks for it (`serviceAccountToken`).
    pub(crate) fn new(cluster: &Cluster, pod: &Json, path: String, asked: &Json) -> Token {
        let audience = match text(&asked["audience"]) {
            "" => ISSUER,
            audience => audience,
        };
        let account = text(&pod["spec"]["serviceAccountName"]);
        Token {
            path,
            cluster: cluster.clone(),
            account: format!("{}/{account}", object::namespace(pod)),
            audience: audience.to_owned(),
            seconds: asked["expirationSeconds"].as_i64().unwrap_or(3600),
            bound: json!({"kind": "Pod", "apiVersion": "v1", "name": object::name(pod), "uid": object::uid(pod)}),
            issued: Arc::default(),
        }
    }

    /// The token, which is issued now if it was not before; `None`: there is no such account.
    pub(crate) fn read(&self) -> Option<Bytes> {
        let issue = || {
            let place = ResourceKey::new("", "serviceaccounts");
            let account = self.cluster.store().get(&place, &self.account)?;
            let expires = self.cluster.now().as_second().saturating_add(self.seconds);
            let audiences = [self.audience.as_str().into()];
            let token = token::issue(
                &self.cluster,
                &account,
                &audiences,
                expires,
                &(&self.bound).into(),
            );
            Some(token.into())
        };
        self.issued.get_or_init(issue).clone()
    }
}
