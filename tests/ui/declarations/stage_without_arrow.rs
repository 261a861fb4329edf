//! A stage in which nothing happens.

use kmock::prelude::*;

fn declarations(k: &KMock) {
    kmock! { k,
        stage "certificates.cert-manager.io" after 2s;
    }
}

fn main() {}
