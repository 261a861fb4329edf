//! The live continuation outside of a stream.

use kmock::prelude::*;

fn rules(k: &KMock) {
    kmock! { k,
        GET "/a" => ...;
    }
}

fn main() {}
