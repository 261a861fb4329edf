//! A method with two letters swapped.

use kmock::prelude::*;

fn rules(k: &KMock) {
    kmock! { k,
        GTE "/x" => 200;
    }
}

fn main() {}
