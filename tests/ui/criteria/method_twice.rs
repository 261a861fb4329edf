//! Two methods in one rule.

use kmock::prelude::*;

fn rules(k: &KMock) {
    kmock! { k,
        GET POST => 200;
    }
}

fn main() {}
