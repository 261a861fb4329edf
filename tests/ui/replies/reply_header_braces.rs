//! A header without braces.

use kmock::prelude::*;

fn rules(k: &KMock) {
    kmock! { k,
        GET "/a" => header "X-A";
    }
}

fn main() {}
