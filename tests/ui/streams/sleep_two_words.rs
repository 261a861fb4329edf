//! A space before the unit.

use kmock::prelude::*;

fn rules(k: &KMock) {
    kmock! { k,
        stream "/a" => [ sleep(1 s) ];
    }
}

fn main() {}
