//! `once` without brackets.

use kmock::prelude::*;

fn rules(k: &KMock) {
    kmock! { k,
        stream "/a" => [ once b"x" ];
    }
}

fn main() {}
