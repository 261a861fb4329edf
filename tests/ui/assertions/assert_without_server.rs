//! A filter without a server.

use kmock::prelude::*;

fn rules() {
    assert_requests!("get" == 1, total == 2);
}

fn main() {}
