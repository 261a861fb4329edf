//! A query without a path.

use kmock::prelude::*;

fn rules(k: &KMock) {
    kmock! { k,
        GET "?q=1" => 200;
    }
}

fn main() {}
