//! A fault in no place, and with no number.

use kmock::prelude::*;

fn rules(k: &KMock) {
    kmock! { k,
        GET "/a" => reset in trailer 5;
        GET "/b" => close in head;
        GET "/c" => stall in 5;
    }
}

fn main() {}
