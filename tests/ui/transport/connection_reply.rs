//! What is for requests, in rules for connections.

use kmock::prelude::*;

fn rules(k: &KMock) {
    kmock! { k,
        connection => 404;
        connection => b"hello";
        connection => header { "X-A": 1 };
        connection => truncate 3;
        connection => reset in head 12;
    }
}

fn main() {}
