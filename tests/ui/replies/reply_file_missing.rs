//! No path of a file.

use kmock::prelude::*;

fn rules(k: &KMock) {
    kmock! { k,
        GET "/a" => file;
    }
}

fn main() {}
