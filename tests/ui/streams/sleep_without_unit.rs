//! A duration without a unit.

use kmock::prelude::*;

fn rules(k: &KMock) {
    kmock! { k,
        stream "/a" => [ sleep(1) ];
    }
}

fn main() {}
