//! A value that is no reply.

use kmock::prelude::*;

struct NotAReply;

fn rules(k: &KMock) {
    kmock! { k,
        GET "/a" => NotAReply;
    }
}

fn main() {}
