//! Resources that no cluster has.

use kmock::prelude::*;

fn rules(k: &KMock) {
    kmock! { k,
        list "v1/pod" => 200;
        list "v1/deployments" => 200;
        list "app/v1/deployments" => 200;
        list "core/v1/pods" => 200;
        list "api/v1/pods" => 200;
        list "v1/namespaces/default/pods" => 200;
        list "pods.apps.v1" => 200;
        get "v1/pods/logs" => 200;
        list v1/pods => 200;
    }
}

fn main() {}
