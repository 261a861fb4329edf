//! The failures of Kubernetes, written in other ways.

use kmock::prelude::*;

fn rules(k: &KMock) {
    kmock! { k,
        get "v1/pods" => too_many;
        get "v1/pods" => forbidden("why");
        get "v1/pods" => 404, not_found;
        get "v1/pods" => too_many(fast);
        connection => conflict "no";
    }
}

fn main() {}
