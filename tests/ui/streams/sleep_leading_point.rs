//! No digit before the point.

use kmock::prelude::*;

fn rules(k: &KMock) {
    kmock! { k,
        stream "/a" => [ sleep(.5s) ];
    }
}

fn main() {}
