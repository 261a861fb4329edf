//! A word that is nearly right.

use kmock::prelude::*;

fn declarations(k: &KMock) {
    kmock! { k,
        image "web" => logs "hello";
    }
}

fn main() {}
