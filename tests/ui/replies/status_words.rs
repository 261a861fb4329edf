//! A status with something behind it.

use kmock::prelude::*;

fn rules(k: &KMock) {
    kmock! { k,
        GET "/a" => 200 OK;
        GET "/b" => 503 times 2;
        GET "/c" => 503 [0];
        GET "/d" => 404 twice, text "x";
    }
}

fn main() {}
