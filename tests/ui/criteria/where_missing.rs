//! No condition after `where`.

use kmock::prelude::*;

fn rules(k: &KMock) {
    kmock! { k,
        GET "/" where => 200;
    }
}

fn main() {}
