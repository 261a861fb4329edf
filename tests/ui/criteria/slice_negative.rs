//! A slice from the end.

use kmock::prelude::*;

fn rules(k: &KMock) {
    kmock! { k,
        GET "/a" [-1] => 200;
    }
}

fn main() {}
