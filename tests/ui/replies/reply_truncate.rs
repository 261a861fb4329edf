//! No number of bytes.

use kmock::prelude::*;

fn rules(k: &KMock) {
    kmock! { k,
        GET "/a" => truncate;
    }
}

fn main() {}
