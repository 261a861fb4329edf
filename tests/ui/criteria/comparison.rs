//! A count in a rule.

use kmock::prelude::*;

fn rules(k: &KMock) {
    kmock! { k,
        GET "/a" == 1;
    }
}

fn main() {}
