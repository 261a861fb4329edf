//! A capture of a type that does not exist.

use kmock::prelude::*;

fn rules(k: &KMock) {
    kmock! { k,
        GET "/users/{id: u46}" => 200;
    }
}

fn main() {}
