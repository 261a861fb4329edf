//! No comma between two fields.

use kmock::prelude::*;

fn rules(k: &KMock) {
    kmock! { k,
        GET "/" query { "a": 1 "b": 2 } => 200;
    }
}

fn main() {}
