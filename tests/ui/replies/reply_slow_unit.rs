//! A speed without a unit.

use kmock::prelude::*;

fn rules(k: &KMock) {
    kmock! { k,
        GET "/a" => slow 10/s;
    }
}

fn main() {}
