//! A method that the request does not have.

use kmock::prelude::*;

fn rules(k: &KMock) {
    kmock! { k,
        GET "/a" => |req| req.jsn();
    }
}

fn main() {}
