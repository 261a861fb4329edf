//! A name of a header with its colon.

use kmock::prelude::*;

fn rules(k: &KMock) {
    kmock! { k,
        GET "/a" => header { "X-A:": "1" };
    }
}

fn main() {}
