//! A node as if it were a rule.

use kmock::prelude::*;

fn declarations(k: &KMock) {
    kmock! { k,
        node "worker" => 200;
    }
}

fn main() {}
