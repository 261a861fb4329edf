//! A space in a path.

use kmock::prelude::*;

fn rules(k: &KMock) {
    kmock! { k,
        GET "/a b" => 200;
    }
}

fn main() {}
