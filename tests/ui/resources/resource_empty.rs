//! An empty resource.

use kmock::prelude::*;

fn rules(k: &KMock) {
    kmock! { k,
        list "" => 200;
    }
}

fn main() {}
