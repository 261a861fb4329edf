//! Items of a stream in other brackets.

use kmock::prelude::*;

fn rules(k: &KMock) {
    kmock! { k,
        stream "/a" => { b"a", b"b" };
        stream "/b" => (b"a", b"b");
        GET "/c" => stream { b"a" };
        GET stream "/d" => [ b"a" ];
    }
}

fn main() {}
