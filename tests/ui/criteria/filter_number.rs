//! A number as a filter.

use kmock::prelude::*;

fn rules(k: &KMock) {
    kmock! { k,
        404 => 200;
    }
}

fn main() {}
