//! A path in place of a resource.

use kmock::prelude::*;

fn rules(k: &KMock) {
    kmock! { k,
        list "/api/v1/pods" => 200;
    }
}

fn main() {}
