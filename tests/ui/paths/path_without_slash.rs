//! A path that does not start with a slash.

use kmock::prelude::*;

fn rules(k: &KMock) {
    kmock! { k,
        GET "hello" => 200;
    }
}

fn main() {}
