//! Answers that are no hints.

use kmock::prelude::*;

fn rules(k: &KMock) {
    kmock! { k,
        GET "/a" => hint 100, 200;
        GET "/b" => hint { "Link": "x" };
        GET "/c" => hint 103 { "Link": ! };
    }
}

fn main() {}
