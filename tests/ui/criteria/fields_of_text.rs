//! One text for a name and a value.

use kmock::prelude::*;

fn rules(k: &KMock) {
    kmock! { k,
        GET "/a" query "page=1" => 200;
        GET "/b" header "X-A: 1" => 200;
        GET "/c" header ["X-A": "1"] => 200;
    }
}

fn main() {}
