//! A value that is no item.

use kmock::prelude::*;

struct NotAReply;

fn rules(k: &KMock) {
    kmock! { k,
        stream "/a" => [ NotAReply ];
    }
}

fn main() {}
