//! A pattern for raw bytes.

use kmock::prelude::*;

fn rules(k: &KMock) {
    kmock! { k,
        POST "/" body ~"x" => 200;
    }
}

fn main() {}
