//! A verb of Kubernetes with a path, in string notation.

use kmock::prelude::*;

fn rules(k: &KMock) {
    kmock! { k,
        "list /x" => 200;
    }
}

fn main() {}
