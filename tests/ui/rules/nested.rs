//! A block of rules in a block of rules; the mistakes in it are reported as well.

use kmock::prelude::*;

fn rules(k: &KMock) {
    kmock! { k,
        kmock! { GTE "/a" => 200; }
    }
}

fn main() {}
