//! A regular expression without quotes.

use kmock::prelude::*;

fn rules(k: &KMock) {
    kmock! { k,
        GET ~/x/ => 200;
    }
}

fn main() {}
