//! Single quotes.

use kmock::prelude::*;

fn rules(k: &KMock) {
    kmock! { k,
        'a' => 200;
    }
}

fn main() {}
