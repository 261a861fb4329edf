//! A stream that says nothing.

use kmock::prelude::*;

fn rules(k: &KMock) {
    kmock! { k,
        stream "/a";
    }
}

fn main() {}
