//! Bytes as a pattern.

use kmock::prelude::*;

fn rules(k: &KMock) {
    kmock! { k,
        POST "/" text b"x" => 200;
    }
}

fn main() {}
