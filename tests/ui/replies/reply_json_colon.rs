//! No colon after a key of JSON.

use kmock::prelude::*;

fn rules(k: &KMock) {
    kmock! { k,
        GET "/a" => { "a" = 1 };
    }
}

fn main() {}
