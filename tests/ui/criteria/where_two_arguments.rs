//! A condition with two arguments.

use kmock::prelude::*;

fn rules(k: &KMock) {
    kmock! { k,
        GET "/" where |a, b| true => 200;
    }
}

fn main() {}
