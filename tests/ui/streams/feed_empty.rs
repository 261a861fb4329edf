//! A feed of nothing.

use kmock::prelude::*;

fn rules(k: &KMock) {
    kmock! { k,
        ... => ;
    }
}

fn main() {}
