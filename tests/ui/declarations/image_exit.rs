//! An exit without its code.

use kmock::prelude::*;

fn declarations(k: &KMock) {
    kmock! { k,
        image "web" => exit;
    }
}

fn main() {}
