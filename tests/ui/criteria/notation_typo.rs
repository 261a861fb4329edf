//! A slip in string notation.

use kmock::prelude::*;

fn rules(k: &KMock) {
    kmock! { k,
        "gte /x" => 200;
    }
}

fn main() {}
