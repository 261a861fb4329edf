//! A delay in front of what comes late.

use kmock::prelude::*;

fn declarations(k: &KMock) {
    kmock! { k,
        image "web" => after 5s exit(1);
    }
}

fn main() {}
