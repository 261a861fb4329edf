//! A parameter without a name.

use kmock::prelude::*;

fn rules(k: &KMock) {
    kmock! { k,
        GET "/x?=1" => 200;
    }
}

fn main() {}
