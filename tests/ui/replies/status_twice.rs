//! Two statuses.

use kmock::prelude::*;

fn rules(k: &KMock) {
    kmock! { k,
        GET "/a" => 200, 404;
    }
}

fn main() {}
