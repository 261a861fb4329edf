//! A prefix that is too long.

use kmock::prelude::*;

fn rules(k: &KMock) {
    kmock! { k,
        GET "/" from 10.0.0.0/64 => 200;
    }
}

fn main() {}
