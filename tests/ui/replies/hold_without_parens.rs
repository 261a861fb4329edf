//! A gate without parentheses.

use kmock::prelude::*;

fn rules(k: &KMock) {
    let gate = Gate::new();
    kmock! { k,
        GET "/a" => hold &gate, 200;
    }
}

fn main() {}
