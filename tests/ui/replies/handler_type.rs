//! A function that is no handler.

use kmock::prelude::*;

fn handler(_: u8, _: u8) -> u16 {
    404
}

fn rules(k: &KMock) {
    kmock! { k,
        GET "/a" => handler;
    }
}

fn main() {}
