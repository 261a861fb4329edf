//! A word that is none of the language.

use kmock::prelude::*;

fn rules(k: &KMock) {
    kmock! { k,
        route "/x" => 200;
    }
}

fn main() {}
