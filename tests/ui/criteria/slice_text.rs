//! A slice that is no number.

use kmock::prelude::*;

fn rules(k: &KMock) {
    kmock! { k,
        GET "/a" ["x"] => 200;
    }
}

fn main() {}
