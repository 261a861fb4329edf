//! A comma where the `;` should be.

use kmock::prelude::*;

fn rules(k: &KMock) {
    kmock! { k,
        GET "/a" => 200, POST "/b" => 201;
        GET "/c" => 200, let d = GET "/d" => 200;
    }
}

fn main() {}
