//! Many mistakes in one block: all of them are reported at once, each at its own token, and the good rules between
//! them are checked by the compiler all the same.

use kmock::prelude::*;

struct NotAReply;

fn rules(k: &KMock) {
    kmock! { k,
        GTE "/typo" => 200;
        GET "/good" => 200;
        GET "/type" => NotAReply;
        stream "/pauses" => [ sleep(1), sleep(2sec), b"fine", .. ];
        POST "/json" json { "a": wanted } => { key: 1, "b": 2 "c": 3 };
        GET "/field" => |req| req.jsn();
        list "Pods" in => 42;
        #[prio(1)] "/users/{id: u46}" header { X: _ } => 404, 405
        GET "/next" => 200;
        let handle = GET "/handle" => |_req| undefined;
    }
    assert_requests!(k, handle = 1, total == "2", lsit "v1/pods" == 3, "get" == 1);
}

fn main() {}
