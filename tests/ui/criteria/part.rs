//! Parts of multipart bodies, written in other ways.

use kmock::prelude::*;

fn rules(k: &KMock) {
    kmock! { k,
        POST "/a" part => 200;
        POST "/b" part "file" {} => 200;
        POST "/c" part "file" { "filename": "*.png" } => 200;
        POST "/d" part "file" { filname: "*.png" } => 200;
        POST "/e" part { name: "file" } => 200;
        POST "/f" part "file" { type: "a", type: "b" } => 200;
        POST "/g" part "file" { content_type: "image/png" } => 200;
        POST "/h" multipart { "file": _ } => 200;
    }
}

fn main() {}
