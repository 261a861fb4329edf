//! Captures and expressions as others write them.

use kmock::prelude::*;

fn rules(k: &KMock) {
    kmock! { k,
        GET "/users/:id" => 200;
        GET "/users/<int:id>" => 200;
        GET "/users/{int:id}" => 200;
        GET r"/v\d+" => 200;
        GET "^/x$" => 200;
        GET "localhost:8080/x" => 200;
    }
}

fn main() {}
