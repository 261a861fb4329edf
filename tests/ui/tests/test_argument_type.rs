//! A server that is borrowed: what is in the test is checked all the same.

use kmock::prelude::*;

#[kmock::test]
async fn a(k: &KMock) {
    k.nothing();
}

fn main() {}
