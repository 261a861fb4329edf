//! Faults in streams happen where they stand.

use kmock::prelude::*;

fn rules(k: &KMock) {
    kmock! { k,
        stream "/a" => [ b"one", reset in body 5 ];
        stream "/b" => [ b"one", promise 20 ];
    }
}

fn main() {}
