//! No semicolon after a spy.

use kmock::prelude::*;

fn rules(k: &KMock) {
    kmock! { k,
        GET "/a"
        POST "/b" => 201;
    }
}

fn main() {}
