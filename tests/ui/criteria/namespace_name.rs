//! Names that no namespace has.

use kmock::prelude::*;

fn rules(k: &KMock) {
    kmock! { k,
        list "v1/pods" in "Default" => 200;
        get "v1/pods" in "default/web" => 200;
    }
}

fn main() {}
