//! A text that is no request.

use kmock::prelude::*;

fn rules(k: &KMock) {
    kmock! { k,
        "hello" => 200;
    }
}

fn main() {}
