//! Statuses that come before an answer, or after which another protocol is spoken.

use kmock::prelude::*;

fn rules(k: &KMock) {
    kmock! { k,
        GET "/a" => 100;
        GET "/b" => 101;
        GET "/c" => 103, header { "link": "</a.css>" };
    }
}

fn main() {}
