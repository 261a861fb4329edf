//! Rates that are none.

use kmock::prelude::*;

fn rules(k: &KMock) {
    kmock! { k,
        GET "/a" => reset at 10;
        GET "/b" => reset at 150%;
        GET "/c" => reset at noon;
        GET "/d" => reset at 10% at 20%;
    }
}

fn main() {}
