//! Nothing after `|`.

use kmock::prelude::*;

fn rules(k: &KMock) {
    kmock! { k,
        GET "/a" | => 200;
    }
}

fn main() {}
