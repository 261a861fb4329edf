//! Ready, but when?

use kmock::prelude::*;

fn declarations(k: &KMock) {
    kmock! { k,
        image "web" => ready;
    }
}

fn main() {}
