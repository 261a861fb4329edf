//! A value where there is none.

use kmock::prelude::*;

fn rules(k: &KMock) {
    kmock! { k,
        #[never(1)] GET "/a" => 200;
    }
}

fn main() {}
