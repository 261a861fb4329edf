//! A semicolon between two items.

use kmock::prelude::*;

fn rules(k: &KMock) {
    kmock! { k,
        stream "/a" => [ b"x"; b"y" ];
    }
}

fn main() {}
