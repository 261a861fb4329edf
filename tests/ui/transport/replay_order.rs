//! No such way to replay, and no file.

use kmock::prelude::*;

fn rules(k: &KMock) {
    kmock! { k,
        ANY => replay inorder "api.har";
        ANY => replay strict;
        ANY => replay 5;
    }
}

fn main() {}
