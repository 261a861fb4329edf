//! An address that is none.

use kmock::prelude::*;

fn rules(k: &KMock) {
    kmock! { k,
        GET "/" from 300.1.2.3 => 200;
    }
}

fn main() {}
