//! What faults take.

use kmock::prelude::*;

fn rules(k: &KMock) {
    kmock! { k,
        GET "/a" => garbage "text";
        GET "/b" => promise;
        GET "/c" => truncate "10";
    }
}

fn main() {}
