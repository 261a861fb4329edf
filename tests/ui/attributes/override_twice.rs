//! Two words of priority.

use kmock::prelude::*;

fn rules(k: &KMock) {
    kmock! { k,
        override fallback GET "/a" => 200;
    }
}

fn main() {}
