//! Arrays in any order, written in other ways.

use kmock::prelude::*;

fn rules(k: &KMock) {
    kmock! { k,
        POST "/a" json any_order => 200;
        POST "/b" json any_order { "a": 1 } => 200;
        POST "/c" json any_order [1, .., 2] => 200;
        POST "/d" json { "a": any_order (1, 2) } => 200;
    }
}

fn main() {}
