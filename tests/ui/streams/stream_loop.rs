//! A loop that never ends, and an `.await`.

use kmock::prelude::*;

fn rules(k: &KMock) {
    kmock! { k,
        stream "/a" => [ loop { b"a" } ];
        stream "/b" => [ sleep(1s).await, b"a" ];
    }
}

fn main() {}
