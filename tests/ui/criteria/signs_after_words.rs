//! Signs of Python and YAML between a word and its value.

use kmock::prelude::*;

fn rules(k: &KMock) {
    kmock! { k,
        POST "/a" json = { "a": 1 } => 200;
        POST "/b" json: { "a": 1 } => 200;
        list "v1/pods" in = "default" => 200;
        POST "/c" json({ "a": 1 }) => 200;
    }
}

fn main() {}
