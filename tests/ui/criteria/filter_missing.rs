//! No filter at all.

use kmock::prelude::*;

fn rules(k: &KMock) {
    kmock! { k,
        => 404;
    }
}

fn main() {}
