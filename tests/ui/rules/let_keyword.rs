//! A keyword as a name.

use kmock::prelude::*;

fn rules(k: &KMock) {
    kmock! { k,
        let match = GET "/a" => 200;
    }
}

fn main() {}
