//! A server that is none.

use kmock::prelude::*;

fn rules(url: &str) {
    kmock! { url, GET "/a" => 200; }
}

fn main() {}
