//! A function whose value is no reply.

use kmock::prelude::*;

struct NotAReply;

fn no_reply(_: Request) -> NotAReply {
    NotAReply
}

fn rules(k: &KMock) {
    kmock! { k,
        GET "/a" => no_reply;
    }
}

fn main() {}
