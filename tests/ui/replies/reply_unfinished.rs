//! Code that is not finished.

use kmock::prelude::*;

fn rules(k: &KMock) {
    kmock! { k,
        GET "/a" => |req| req.;
        GET "/b" => 1 + ;
    }
}

fn main() {}
