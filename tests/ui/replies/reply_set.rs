//! A set has no order, and is no reply.

use std::collections::HashSet;

use kmock::prelude::*;

fn rules(k: &KMock) {
    let names: HashSet<&str> = HashSet::from(["a", "b"]);
    kmock! { k,
        GET "/a" => { HashSet::from([1, 2]) };
        GET "/b" => names;
    }
}

fn main() {}
