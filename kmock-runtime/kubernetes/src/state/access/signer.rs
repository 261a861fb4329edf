//! Who signs the tokens of ServiceAccounts, if it is not the cluster's own key.

use std::fmt;

use serde_json::Value;

/// Signs tokens in a way that others can verify, by a key that is published at `/openid/v1/jwks`.
pub trait TokenSigner: Send + Sync + fmt::Debug {
    /// The algorithm, as a token's head names it: `RS256`.
    fn algorithm(&self) -> &'static str;

    /// The signature of a text; `None` if the key cannot sign.
    fn sign(&self, text: &[u8]) -> Option<Vec<u8>>;

    /// Whether a signature is that of a text.
    fn verify(&self, text: &[u8], signature: &[u8]) -> bool;

    /// The public key as a JSON Web Key (RFC 7517), without `kid`.
    fn key(&self) -> Value;
}
