//! A closure with two arguments.

use kmock::prelude::*;

fn rules(k: &KMock) {
    kmock! { k,
        GET "/a" => |a, b| 200;
    }
}

fn main() {}
