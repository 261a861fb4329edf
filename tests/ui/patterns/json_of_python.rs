//! Constants of Python, and what is no JSON.

use kmock::prelude::*;

fn rules(k: &KMock) {
    kmock! { k,
        POST "/a" json { "a": True } => 200;
        GET "/b" => { "a": None, "b": False };
        GET "/c" => { a, "b": 1 };
    }
}

fn main() {}
