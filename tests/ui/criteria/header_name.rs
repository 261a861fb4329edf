//! Names that no header has.

use kmock::prelude::*;

fn rules(k: &KMock) {
    kmock! { k,
        GET "/a" header { "bad name": _ } => 200;
        GET "/b" header { "x-a:": "1" } => 200;
    }
}

fn main() {}
