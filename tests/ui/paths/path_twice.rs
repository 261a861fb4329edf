//! Two paths in one rule.

use kmock::prelude::*;

fn rules(k: &KMock) {
    kmock! { k,
        GET "/a" "/b" => 200;
    }
}

fn main() {}
