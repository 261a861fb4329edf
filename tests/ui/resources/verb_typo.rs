//! A slip in a verb of Kubernetes.

use kmock::prelude::*;

fn rules(k: &KMock) {
    kmock! { k,
        lsit "v1/pods" => 200;
    }
}

fn main() {}
