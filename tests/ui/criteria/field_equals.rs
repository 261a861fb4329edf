//! `=` in place of `:`.

use kmock::prelude::*;

fn rules(k: &KMock) {
    kmock! { k,
        GET "/" header { "X-A" = "1" } => 200;
    }
}

fn main() {}
