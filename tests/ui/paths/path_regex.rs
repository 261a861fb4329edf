//! A regular expression that is none.

use kmock::prelude::*;

fn rules(k: &KMock) {
    kmock! { k,
        GET ~"/v[0-9" => 200;
    }
}

fn main() {}
