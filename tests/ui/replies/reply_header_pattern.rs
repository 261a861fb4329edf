//! A pattern in a reply.

use kmock::prelude::*;

fn rules(k: &KMock) {
    kmock! { k,
        GET "/a" => header { "X-A": _ };
    }
}

fn main() {}
