//! An underscore for every request.

use kmock::prelude::*;

fn rules(k: &KMock) {
    kmock! { k,
        _ => 404;
    }
}

fn main() {}
