//! A whole URL in place of a path.

use kmock::prelude::*;

fn rules(k: &KMock) {
    kmock! { k,
        GET "http://example.com/x" => 200;
    }
}

fn main() {}
