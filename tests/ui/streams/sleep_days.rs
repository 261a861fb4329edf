//! Days.

use kmock::prelude::*;

fn rules(k: &KMock) {
    kmock! { k,
        stream "/a" => [ sleep(1d) ];
    }
}

fn main() {}
