//! No value.

use kmock::prelude::*;

fn rules(k: &KMock) {
    kmock! { k,
        #[expect] GET "/a" => 200;
    }
}

fn main() {}
