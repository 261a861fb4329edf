//! Bytes as a path.

use kmock::prelude::*;

fn rules(k: &KMock) {
    kmock! { k,
        b"/x" => 200;
    }
}

fn main() {}
