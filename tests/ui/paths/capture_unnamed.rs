//! A capture without a name.

use kmock::prelude::*;

fn rules(k: &KMock) {
    kmock! { k,
        GET "/users/{}" => 200;
    }
}

fn main() {}
