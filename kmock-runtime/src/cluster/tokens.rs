//! Tokens that others can verify: RS256, by a key that every kmock has. It is known to everybody, and protects nothing.

use std::sync::{Arc, LazyLock};

// Both have the same names for what is used here.
#[cfg(feature = "aws-lc")]
use aws_lc_rs as crypto;
use crypto::{
    rand::SystemRandom,
    rsa::PublicKeyComponents,
    signature::{
        KeyPair, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA256, RsaKeyPair, RsaPublicKeyComponents,
    },
};
use kmock_kubernetes::TokenSigner;
#[cfg(not(feature = "aws-lc"))]
use ring as crypto;
use serde_json::{Value, json};

/// A key for tests, in PKCS #1.
static KEY: &[u8] = include_bytes!("token-key.der");

/// Signs with the key.
#[derive(Debug)]
pub(super) struct Signer(RsaKeyPair);

impl Signer {
    /// The one of the process: a key is checked when it is read, which takes longer than all else that a server starts
    /// with. `None`: it cannot be read.
    pub(super) fn shared() -> Option<Arc<Signer>> {
        static SHARED: LazyLock<Option<Arc<Signer>>> =
            LazyLock::new(|| RsaKeyPair::from_der(KEY).ok().map(Signer).map(Arc::new));
        SHARED.clone()
    }

    fn public(&self) -> PublicKeyComponents<Vec<u8>> {
        PublicKeyComponents::from(self.0.public_key())
    }
}

/// Base64 as JSON Web Tokens have it.
fn encode(bytes: &[u8]) -> String {
    use base64::Engine;
    base64::prelude::BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

impl TokenSigner for Signer {
    fn algorithm(&self) -> &'static str {
        "RS256"
    }

    fn sign(&self, text: &[u8]) -> Option<Vec<u8>> {
        let mut signature = vec![0; self.0.public_key().modulus_len()];
        // The random numbers hide the key from whoever measures the time: the signature is always the same.
        let random = SystemRandom::new();
        let signed = self
            .0
            .sign(&RSA_PKCS1_SHA256, &random, text, &mut signature);
        signed.ok().map(|()| signature)
    }

    fn verify(&self, text: &[u8], signature: &[u8]) -> bool {
        let PublicKeyComponents { n, e } = self.public();
        let key = RsaPublicKeyComponents { n, e };
        key.verify(&RSA_PKCS1_2048_8192_SHA256, text, signature)
            .is_ok()
    }

    fn key(&self) -> Value {
        let PublicKeyComponents { n, e } = self.public();
        json!({"use": "sig", "kty": "RSA", "alg": "RS256", "n": encode(&n), "e": encode(&e)})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signatures_are_the_same_each_time_and_verified_by_the_published_key() {
        use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
        let signer = Signer::shared().expect("a key");
        let signature = signer.sign(b"text").expect("a signature");
        assert_eq!(signer.sign(b"text"), Some(signature.clone()));
        assert!(signer.verify(b"text", &signature) && !signer.verify(b"other", &signature));
        let key = signer.key();
        let decoded = |name: &str| {
            let text = key[name].as_str().expect("text");
            BASE64_URL_SAFE_NO_PAD.decode(text).expect("base64")
        };
        let public = RsaPublicKeyComponents {
            n: decoded("n"),
            e: decoded("e"),
        };
        let verified = public.verify(&RSA_PKCS1_2048_8192_SHA256, b"text", &signature);
        assert!(verified.is_ok());
    }
}
