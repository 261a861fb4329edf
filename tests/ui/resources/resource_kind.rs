//! A kind in place of a resource.

use kmock::prelude::*;

fn rules(k: &KMock) {
    kmock! { k,
        list "Pod" => 200;
    }
}

fn main() {}
