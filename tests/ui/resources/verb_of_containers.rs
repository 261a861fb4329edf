//! What is asked of containers is no verb beside others, and its resource is a text.

use kmock::prelude::*;

fn rules(k: &KMock) {
    kmock! { k,
        exec | list "v1/pods" => 200;
        exec (resource) => |command, io| 0;
        exec "v1/pods" => exec 3;
        get "v1/pods/exec" => exec;
    }
}

fn main() {}
