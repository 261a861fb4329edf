//! No duration.

use kmock::prelude::*;

fn rules(k: &KMock) {
    kmock! { k,
        stream "/a" => [ sleep() ];
    }
}

fn main() {}
