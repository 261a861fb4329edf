//! A key of JSON without quotes.

use kmock::prelude::*;

fn rules(k: &KMock) {
    kmock! { k,
        GET "/a" => { name: "x" };
    }
}

fn main() {}
