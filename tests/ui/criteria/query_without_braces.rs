//! A parameter without braces.

use kmock::prelude::*;

fn rules(k: &KMock) {
    kmock! { k,
        GET "/" query "q" => 200;
    }
}

fn main() {}
