//! No comma between two members of JSON.

use kmock::prelude::*;

fn rules(k: &KMock) {
    kmock! { k,
        GET "/a" => { "a": 1 "b": 2 };
    }
}

fn main() {}
