//! What a cluster knows about those who ask: the tokens that it takes, whether everybody has to say who they are, and
//! whether RBAC decides what they may.

pub mod attributes;
pub mod rbac;
mod signer;

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

pub use self::attributes::{Attributes, ResourceAttributes, What};
use self::rbac::Index;
pub use self::signer::TokenSigner;
use crate::model::user::User;
use crate::state::store::Store;
use crate::text::digest;

/// Who is known, and what decides what they may. Everything can be switched on while the cluster is in use.
#[derive(Debug, Default)]
pub struct Access {
    authenticates: AtomicBool,
    trusts_anonymous: AtomicBool,
    rbac: AtomicBool,
    service_accounts: AtomicBool,
    authorizes_nodes: AtomicBool,
    restricts_nodes: AtomicBool,
    tokens: RwLock<HashMap<Box<str>, Arc<User>>>,
    index: RwLock<Arc<Index>>,
    root_certificate: RwLock<Option<String>>,
    signer: RwLock<Option<Arc<dyn TokenSigner>>>,
}

impl Access {
    /// Whether one has to say who one is: without credentials one is `system:anonymous`, and unknown tokens are 401.
    /// Otherwise whoever does not say who they are is the administrator.
    pub fn authenticates(&self) -> bool {
        self.authenticates.load(Ordering::Relaxed)
    }

    /// From now on one has to say who one is.
    pub fn authenticate(&self) {
        self.authenticates.store(true, Ordering::Relaxed);
    }

    /// Whether whoever has no credentials is the administrator: as long as nobody has to say who they are, or if that was
    /// asked for.
    pub fn trusts_anonymous(&self) -> bool {
        !self.authenticates() || self.trusts_anonymous.load(Ordering::Relaxed)
    }

    /// Lets whoever has no credentials be the administrator, even if others have to say who they are: for clients that
    /// send none without TLS, as kubectl.
    pub fn trust_anonymous(&self) {
        self.trusts_anonymous.store(true, Ordering::Relaxed);
    }

    /// Whether RBAC decides; otherwise everybody may do everything.
    pub fn has_rbac(&self) -> bool {
        self.rbac.load(Ordering::Relaxed)
    }

    /// From now on RBAC decides, and one has to say who one is.
    pub fn enforce_rbac(&self) {
        self.authenticate();
        self.rbac.store(true, Ordering::Relaxed);
    }

    /// Whether Pods run as ServiceAccounts that are there.
    pub fn has_service_accounts(&self) -> bool {
        self.service_accounts.load(Ordering::Relaxed)
    }

    /// From now on Pods run as ServiceAccounts that are there.
    pub fn enforce_service_accounts(&self) {
        self.service_accounts.store(true, Ordering::Relaxed);
    }

    /// Whether the authorizer Node is asked before RBAC.
    pub fn authorizes_nodes(&self) -> bool {
        self.authorizes_nodes.load(Ordering::Relaxed)
    }

    /// From now on the authorizer Node is asked before RBAC, which decides from now on, too.
    pub fn authorize_nodes(&self) {
        self.enforce_rbac();
        self.authorizes_nodes.store(true, Ordering::Relaxed);
    }

    /// Whether the admission plugin NodeRestriction runs.
    pub fn restricts_nodes(&self) -> bool {
        self.restricts_nodes.load(Ordering::Relaxed)
    }

    /// From now on the admission plugin NodeRestriction runs.
    pub fn restrict_nodes(&self) {
        self.restricts_nodes.store(true, Ordering::Relaxed);
    }

    /// The roles and bindings as they are now.
    pub fn rbac(&self, store: &Store) -> Arc<Index> {
        let known = {
            let index = self.index.read().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(&index)
        };
        if known.is_fresh(store) {
            return known;
        }
        let index = Arc::new(Index::build(store, &known));
        let mut place = self.index.write().unwrap_or_else(PoisonError::into_inner);
        *place = Arc::clone(&index);
        index
    }

    /// Takes a token for a user from now on.
    pub fn put_token(&self, token: &str, user: impl Into<User>) {
        let mut tokens = self.tokens.write().unwrap_or_else(PoisonError::into_inner);
        tokens.insert(token.into(), Arc::new(user.into()));
    }

    /// A token for a user: one that there is, or else a new one, which the user and the seed determine.
    pub fn token_for(&self, user: impl Into<User>, seed: u64) -> String {
        let user = user.into();
        let known = {
            let tokens = self.tokens.read().unwrap_or_else(PoisonError::into_inner);
            let mut known = tokens.iter().filter(|(_, known)| ***known == user);
            known.next().map(|(token, _)| token.to_string())
        };
        known.unwrap_or_else(|| {
            let digest = digest::hex(format!("{seed} {user:?}").as_bytes()).to_lowercase();
            let token: String = digest.chars().take(32).collect();
            self.put_token(&token, user);
            token
        })
    }

    /// The certificate (PEM) of the authority that signed the server's: what `kube-root-ca.crt` has.
    pub fn root_certificate(&self) -> Option<String> {
        let known = self.root_certificate.read();
        known.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Sets the certificate of the authority that signed the server's, before namespaces are made.
    pub fn set_root_certificate(&self, pem: impl Into<String>) {
        let mut known = self
            .root_certificate
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        *known = Some(pem.into());
    }

    /// Who signs the tokens of ServiceAccounts, if others can verify them.
    pub fn signer(&self) -> Option<Arc<dyn TokenSigner>> {
        let signer = self.signer.read();
        signer.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Lets tokens be signed in a way that others can verify. Those that were issued before are not taken any more.
    pub fn sign_tokens_with(&self, signer: Arc<dyn TokenSigner>) {
        let mut known = self.signer.write().unwrap_or_else(PoisonError::into_inner);
        *known = Some(signer);
    }

    /// Whom a token stands for.
    pub fn of_token(&self, token: &str) -> Option<Arc<User>> {
        let tokens = self.tokens.read().unwrap_or_else(PoisonError::into_inner);
        tokens.get(token).cloned()
    }
}
