//! Two rests in a row in an array.

use kmock::prelude::*;

fn rules(k: &KMock) {
    kmock! { k,
        POST "/" json [1, .., ..] => 200;
    }
}

fn main() {}
