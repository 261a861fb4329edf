//! A resource after a method, and a verb in upper case.

use kmock::prelude::*;

fn rules(k: &KMock) {
    kmock! { k,
        POST "v1/pods" => 201;
        LIST "v1/pods" => 200;
    }
}

fn main() {}
