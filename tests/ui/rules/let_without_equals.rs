//! `let` without `=`.

use kmock::prelude::*;

fn rules(k: &KMock) {
    kmock! { k,
        let a GET "/a" => 200;
    }
}

fn main() {}
