//! A text as a duration.

use kmock::prelude::*;

fn rules(k: &KMock) {
    kmock! { k,
        stream "/a" => [ sleep("1s") ];
    }
}

fn main() {}
