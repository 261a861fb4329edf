//! Versions that are not to be chosen.

use kmock::prelude::*;

fn rules(k: &KMock) {
    kmock! { k,
        GET "/a" => b"x", http "1.1";
        connection => tls "1.4";
        connection => tls 1;
    }
}

fn main() {}
