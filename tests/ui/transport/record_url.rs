//! A server without its scheme, and none at all.

use kmock::prelude::*;

fn rules(k: &KMock) {
    kmock! { k,
        ANY => record "api.example.com";
        ANY => record;
    }
}

fn main() {}
