//! `let` in a set of rules.

use kmock::prelude::*;

fn rules() -> Rules {
    kmock! {
        let hello = GET "/a" => 200;
    }
}

fn main() {}
