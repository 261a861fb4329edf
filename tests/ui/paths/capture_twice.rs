//! Two captures of one name.

use kmock::prelude::*;

fn rules(k: &KMock) {
    kmock! { k,
        GET "/{id}/x/{id}" => 200;
    }
}

fn main() {}
