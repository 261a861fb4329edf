//! An attribute that does not exist.

use kmock::prelude::*;

fn rules(k: &KMock) {
    kmock! { k,
        #[prio(1)] GET "/a" => 200;
    }
}

fn main() {}
