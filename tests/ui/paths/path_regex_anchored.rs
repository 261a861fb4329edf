//! An anchor, where the whole path is meant anyway.

use kmock::prelude::*;

fn rules(k: &KMock) {
    kmock! { k,
        GET ~"^/x$" => 200;
    }
}

fn main() {}
