//! Nothing between two commas.

use kmock::prelude::*;

fn rules(k: &KMock) {
    kmock! { k,
        GET "/a" => 200, , b"x";
    }
}

fn main() {}
