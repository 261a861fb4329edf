//! A speed without its second.

use kmock::prelude::*;

fn rules(k: &KMock) {
    kmock! { k,
        GET "/a" => slow 1kB;
    }
}

fn main() {}
