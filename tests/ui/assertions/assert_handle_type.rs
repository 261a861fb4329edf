//! A handle and a server that are none.

use kmock::prelude::*;

fn rules() {
    let five = 5;
    assert_requests!(five == 1);
    assert_requests!(five, total == 1);
}

fn main() {}
