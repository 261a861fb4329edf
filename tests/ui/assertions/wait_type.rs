//! Nothing to wait for.

use kmock::prelude::*;

fn rules(k: &KMock) {
    kmock! { k,
        stream "/a" => [ wait(5) ];
    }
}

fn main() {}
