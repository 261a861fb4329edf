//! A node that is to be a value.

use kmock::prelude::*;

fn declarations() -> Rules {
    kmock! {
        node "worker" { cpu: 4 };
    }
}

fn main() {}
