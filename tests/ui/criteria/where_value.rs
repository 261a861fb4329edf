//! A condition that would be asked only once.

use kmock::prelude::*;

fn rules(k: &KMock) {
    kmock! { k,
        GET "/a" where true => 200;
        GET "/b" where req.body().is_empty() => 200;
    }
}

fn main() {}
