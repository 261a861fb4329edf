//! `**` that is not at the end.

use kmock::prelude::*;

fn rules(k: &KMock) {
    kmock! { k,
        GET "/a/**/b" => 200;
    }
}

fn main() {}
