//! Codes that HTTP/2 does not have.

use kmock::prelude::*;

fn rules(k: &KMock) {
    kmock! { k,
        GET "/a" => reset "REFUSED";
        GET "/b" => goaway "CALM_DOWN";
        GET "/c" => goaway 11;
    }
}

fn main() {}
