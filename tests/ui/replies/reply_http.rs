//! Redirects, problems, tags, times and ranges, written in other ways.

use kmock::prelude::*;

fn rules(k: &KMock) {
    kmock! { k,
        GET "/a" => redirect;
        GET "/b" => redirect 308 "/new";
        GET "/c" => redirect "/new", redirect_to "/other";
        GET "/d" => 404, problem;
        GET "/e" => 404, problem "no such order", { "a": 1 };
        GET "/f" => text "x", last_modified;
        GET "/g" => text "x", etag b"v1";
        GET "/h" => text "x", ranges "bytes";
        connection => redirect "/new";
        connection => problem "no";
    }
}

fn main() {}
