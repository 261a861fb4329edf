//! A closure whose value is no reply.

use kmock::prelude::*;

struct NotAReply;

fn rules(k: &KMock) {
    kmock! { k,
        GET "/a" => |_req| NotAReply;
    }
}

fn main() {}
