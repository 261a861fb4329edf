//! `&&` between criteria.

use kmock::prelude::*;

fn rules(k: &KMock) {
    kmock! { k,
        GET "/a" && header { "X": _ } => 200;
    }
}

fn main() {}
