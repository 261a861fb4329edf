//! Braces that say nothing.

use kmock::prelude::*;

fn rules(k: &KMock) {
    kmock! { k,
        GET "/" query {} => 200;
    }
}

fn main() {}
