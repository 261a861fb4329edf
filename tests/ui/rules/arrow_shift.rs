//! The arrow of the Python library.

use kmock::prelude::*;

fn rules(k: &KMock) {
    kmock! { k,
        GET "/a" << 200;
    }
}

fn main() {}
