//! An attribute of a block.

use kmock::prelude::*;

fn rules(k: &KMock) {
    kmock! { k,
        #[priority(1)] fallback { GET "/a" => 200; }
    }
}

fn main() {}
