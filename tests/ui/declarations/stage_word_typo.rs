//! A word that is nearly right.

use kmock::prelude::*;

fn declarations(k: &KMock) {
    kmock! { k,
        stage "certificates.cert-manager.io" => statuss { "ready": true };
    }
}

fn main() {}
