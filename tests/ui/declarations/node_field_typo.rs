//! A field that is nearly right.

use kmock::prelude::*;

fn declarations(k: &KMock) {
    kmock! { k,
        node "worker" { memmory: "8Gi" };
    }
}

fn main() {}
