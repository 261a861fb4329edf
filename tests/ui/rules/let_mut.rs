//! A mutable handle.

use kmock::prelude::*;

fn rules(k: &KMock) {
    kmock! { k,
        let mut a = GET "/a" => 200;
    }
}

fn main() {}
