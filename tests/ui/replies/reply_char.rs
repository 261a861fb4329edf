//! A character as a reply.

use kmock::prelude::*;

fn rules(k: &KMock) {
    kmock! { k,
        GET "/a" => 'x';
    }
}

fn main() {}
