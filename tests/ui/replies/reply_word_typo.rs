//! A slip in a word of replies.

use kmock::prelude::*;

fn rules(k: &KMock) {
    kmock! { k,
        GET "/a" => fiel "a.json";
    }
}

fn main() {}
