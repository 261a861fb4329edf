//! A status with a suffix.

use kmock::prelude::*;

fn rules(k: &KMock) {
    kmock! { k,
        GET "/a" => 200u8;
    }
}

fn main() {}
