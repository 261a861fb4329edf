//! Counts for each value of a capture, written in other ways.

use kmock::prelude::*;

fn rules(k: &KMock) {
    kmock! { k,
        GET "/jobs/{id}" per => 200;
        GET "/jobs/{id}" per name => 200;
        GET "/jobs" per id => 200;
        GET "/jobs/{id}" per id [0] => 200;
    }
}

fn main() {}
