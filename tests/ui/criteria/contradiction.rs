//! Criteria of which a request can only meet one.

use kmock::prelude::*;

fn rules(k: &KMock) {
    kmock! { k,
        GET "/a" & POST => 200;
        GET "/a" & "/b" => 200;
        "get /a" & PUT => 200;
        list "v1/pods" & watch "v1/pods" => 200;
    }
}

fn main() {}
