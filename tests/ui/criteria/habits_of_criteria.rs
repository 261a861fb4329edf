//! Words of other tools, of Kubernetes and of Python where criteria stand.

use kmock::prelude::*;

fn rules(k: &KMock) {
    kmock! { k,
        Mock::given(method("GET")) => 200;
        GET "/a" params { "page": 1 } => 200;
        GET "/a" times 3 => 200;
        GET or POST "/a" => 200;
        GET "/a" if |req| req.body().is_empty() => 200;
        GET path => 200;
        list "v1/pods" namespace "default" => 200;
        list "v1/pods" labels { "app": "web" } => 200;
        apply "v1/pods" => 200;
        websocket "/a" => 200;
        default => 404;
    }
}

fn main() {}
