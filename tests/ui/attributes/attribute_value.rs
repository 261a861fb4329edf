//! A value behind `=`.

use kmock::prelude::*;

fn rules(k: &KMock) {
    kmock! { k,
        #[priority = 100] GET "/a" => 200;
    }
}

fn main() {}
