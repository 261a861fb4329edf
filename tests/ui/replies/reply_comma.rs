//! No comma between the parts of a reply.

use kmock::prelude::*;

fn rules(k: &KMock) {
    kmock! { k,
        GET "/a" => 404 "gone";
        GET "/b" => 200 header { "X-A": "1" };
    }
}

fn main() {}
