//! Two arrows.

use kmock::prelude::*;

fn rules(k: &KMock) {
    kmock! { k,
        GET "/a" => 200 => 201;
    }
}

fn main() {}
