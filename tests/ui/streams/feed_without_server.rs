//! A feed in a set of rules.

use kmock::prelude::*;

fn rules() -> Rules {
    kmock! { ... => [b"x"]; }
}

fn main() {}
