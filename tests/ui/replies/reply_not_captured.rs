//! A closure that asks for what the path does not capture.

use kmock::prelude::*;

fn rules(k: &KMock) {
    kmock! { k,
        GET "/users/{id}" => |req, name| 200;
    }
}

fn main() {}
