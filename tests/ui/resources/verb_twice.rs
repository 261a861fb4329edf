//! Two verbs in one rule.

use kmock::prelude::*;

fn rules(k: &KMock) {
    kmock! { k,
        list "v1/pods" watch => 200;
    }
}

fn main() {}
