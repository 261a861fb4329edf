//! One answer after another, written in other ways.

use kmock::prelude::*;

fn rules(k: &KMock) {
    kmock! { k,
        GET "/a" => 503, then;
        GET "/b" => 503, then pass, then 200;
        GET "/c" => 503, then again, 200;
        GET "/d" => 503 then 200;
        GET "/e" => each [503, 200];
        GET "/f" => 503, then 200, 201;
    }
}

fn main() {}
