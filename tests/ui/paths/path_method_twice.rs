//! The method said twice.

use kmock::prelude::*;

fn rules(k: &KMock) {
    kmock! { k,
        GET "get /x" => 200;
    }
}

fn main() {}
