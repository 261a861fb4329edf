//! "These and no others" where it cannot be.

use kmock::prelude::*;

fn rules(k: &KMock) {
    kmock! { k,
        GET "/a" header == { "x": 1 } => 200;
        GET "/b" query = { "x": 1 } => 200;
        GET "/c" query == "x=1" => 200;
    }
}

fn main() {}
