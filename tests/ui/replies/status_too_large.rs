//! A number that is no status.

use kmock::prelude::*;

fn rules(k: &KMock) {
    kmock! { k,
        GET "/a" => 1000;
    }
}

fn main() {}
