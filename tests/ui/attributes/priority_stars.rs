//! The priority of the Python library.

use kmock::prelude::*;

fn rules(k: &KMock) {
    kmock! { k,
        GET "/a" ** 100 => 200;
    }
}

fn main() {}
