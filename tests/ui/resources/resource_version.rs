//! A resource without its version.

use kmock::prelude::*;

fn rules(k: &KMock) {
    kmock! { k,
        list "apps/deployments" => 200;
    }
}

fn main() {}
