//! A condition that is no function of the request.

use kmock::prelude::*;

fn is_long(text: &str) -> bool {
    text.len() > 10
}

fn rules(k: &KMock) {
    kmock! { k,
        GET where is_long => 200;
    }
}

fn main() {}
