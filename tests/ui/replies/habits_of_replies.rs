//! Words of other tools where a reply stands.

use kmock::prelude::*;

fn rules(k: &KMock) {
    kmock! { k,
        GET "/a" => status 404;
        GET "/b" => 200, body "hello";
        GET "/c" => lambda req: 200;
        GET "/d" => 200, headers { "X": "1" };
        GET "/e" => proxy localhost;
    }
}

fn main() {}
