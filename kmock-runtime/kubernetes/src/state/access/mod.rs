//! What a cluster knows about those who ask: the tokens that it takes, whether everybody has to say who they are, and
//! whether RBAC decides what they may.

pub mod attributes;
pub mod rbac;

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

pub use self::attributes::{Attributes, ResourceAttributes, What};
use self::rbac::Index;
use crate::model::user::User;
use crate::state::store::Store;

/// Who is known, and what decides what they may. Everything can be switched on while the cluster is in use.
#[derive(Debug, Default)]
pub struct Access {
    authenticates: AtomicBool,
    rbac: AtomicBool,
    tokens: RwLock<HashMap<Box<str>, Arc<User>>>,
    index: RwLock<Arc<Index>>,
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

    /// Whether RBAC decides; otherwise everybody may do everything.
    pub fn has_rbac(&self) -> bool {
        self.rbac.load(Ordering::Relaxed)
    }

    /// From now on RBAC decides, and one has to say who one is.
    pub fn enforce_rbac(&self) {
        self.authenticate();
        self.rbac.store(true, Ordering::Relaxed);
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

    /// Whom a token stands for.
    pub fn of_token(&self, token: &str) -> Option<Arc<User>> {
        let tokens = self.tokens.read().unwrap_or_else(PoisonError::into_inner);
        tokens.get(token).cloned()
    }
}
