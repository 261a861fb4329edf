//! A feed with a handle.

use kmock::prelude::*;

fn rules(k: &KMock) {
    kmock! { k,
        let a = ... => [b"x"];
    }
}

fn main() {}
