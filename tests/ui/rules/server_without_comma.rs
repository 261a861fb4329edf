//! No comma after the server.

use kmock::prelude::*;

fn rules(k: &KMock) {
    kmock! { k; GET "/a" => 200; }
    kmock! { k GET "/a" => 200; }
    kmock! { k => GET "/a" => 200; }
}

fn main() {}
