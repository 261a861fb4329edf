//! A verb of Kubernetes with a URL path.

use kmock::prelude::*;

fn rules(k: &KMock) {
    kmock! { k,
        get "/x" => 200;
    }
}

fn main() {}
