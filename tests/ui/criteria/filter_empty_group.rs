//! Empty parentheses.

use kmock::prelude::*;

fn rules(k: &KMock) {
    kmock! { k,
        GET "/" & () => 200;
    }
}

fn main() {}
