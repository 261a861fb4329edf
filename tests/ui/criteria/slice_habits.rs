//! Slices as others write them, and where.

use kmock::prelude::*;

fn rules(k: &KMock) {
    kmock! { k,
        GET "/a" [:3] => 200;
        GET "/b" [3..1] => 200;
        GET [..3] "/c" => 200;
        GET ["/d", "/e"] => 200;
        GET "/f" (..3) => 200;
    }
}

fn main() {}
