//! A capture that is not closed.

use kmock::prelude::*;

fn rules(k: &KMock) {
    kmock! { k,
        GET "/users/{id" => 200;
    }
}

fn main() {}
