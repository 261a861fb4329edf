//! `let` without a name.

use kmock::prelude::*;

fn rules(k: &KMock) {
    kmock! { k,
        let = GET "/a" => 200;
    }
}

fn main() {}
