//! A version that is none.

use kmock::prelude::*;

fn rules(k: &KMock) {
    kmock! { k,
        list "apps/1/deployments" => 200;
    }
}

fn main() {}
