//! A comma at the end of a rule.

use kmock::prelude::*;

fn rules(k: &KMock) {
    kmock! { k,
        GET "/a", GET "/b" => 200;
    }
}

fn main() {}
