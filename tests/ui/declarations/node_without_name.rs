//! A node without a name.

use kmock::prelude::*;

fn declarations(k: &KMock) {
    kmock! { k,
        node { cpu: 4 };
    }
}

fn main() {}
