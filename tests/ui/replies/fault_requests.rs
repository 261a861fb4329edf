//! For which requests.

use kmock::prelude::*;

fn rules(k: &KMock) {
    kmock! { k,
        GET "/a" => reset once twice;
        GET "/b" => reset [-1];
        GET "/c" => reset 2 times;
    }
}

fn main() {}
