//! No semicolon between two rules.

use kmock::prelude::*;

fn rules(k: &KMock) {
    kmock! { k,
        GET "/a" => 200
        GET "/b" => 201;
    }
}

fn main() {}
