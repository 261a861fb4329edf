//! An argument of a fault that has none.

use kmock::prelude::*;

fn rules(k: &KMock) {
    kmock! { k,
        GET "/a" => reset 10;
    }
}

fn main() {}
