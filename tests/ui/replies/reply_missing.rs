//! No reply after the arrow.

use kmock::prelude::*;

fn rules(k: &KMock) {
    kmock! { k,
        GET "/a" => ;
    }
}

fn main() {}
