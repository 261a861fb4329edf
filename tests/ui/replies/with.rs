//! Clones for closures, written in other ways.

use kmock::prelude::*;

fn rules(k: &KMock) {
    kmock! { k,
        GET "/a" => with (db) 200;
        GET "/b" => with (db next) |req| 200;
        GET "/c" => with (1) |req| 200;
        GET "/d" => with db |req| 200;
    }
}

fn main() {}
