//! `in_order` without `!`.

use kmock::prelude::*;

fn rules(k: &KMock) {
    kmock! { k,
        in_order { GET "/a"; GET "/b"; }
    }
}

fn main() {}
