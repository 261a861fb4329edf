//! No gate.

use kmock::prelude::*;

fn rules(k: &KMock) {
    kmock! { k,
        GET "/a" => hold;
    }
}

fn main() {}
