//! A label without its value.

use kmock::prelude::*;

fn declarations(k: &KMock) {
    kmock! { k,
        node "worker" { label: "disk" };
    }
}

fn main() {}
