//! No namespace after `in`.

use kmock::prelude::*;

fn rules(k: &KMock) {
    kmock! { k,
        list "v1/pods" in => 200;
    }
}

fn main() {}
