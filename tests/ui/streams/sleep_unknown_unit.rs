//! A unit that does not exist.

use kmock::prelude::*;

fn rules(k: &KMock) {
    kmock! { k,
        stream "/a" => [ sleep(1sec) ];
    }
}

fn main() {}
