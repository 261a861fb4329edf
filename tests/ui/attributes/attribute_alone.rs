//! An attribute of nothing.

use kmock::prelude::*;

fn rules(k: &KMock) {
    kmock! { k,
        GET "/a" => 200; #[never]
    }
}

fn main() {}
