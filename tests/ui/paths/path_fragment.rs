//! A fragment, which clients never send.

use kmock::prelude::*;

fn rules(k: &KMock) {
    kmock! { k,
        GET "/x#top" => 200;
    }
}

fn main() {}
