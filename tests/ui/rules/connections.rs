//! Rules for connections, written in other ways.

use kmock::prelude::*;

fn rules(k: &KMock) {
    kmock! { k,
        connection => 200;
        connection => text "hello";
        connection => certificate;
        connection => certificate old;
        connection => tls "3";
        GET "/a" => certificate expired;
        GET "/b" => tls "1.2";
        GET "/c" => limit 2;
        GET "/d" => hint 200;
        GET "/e" => trailer "x";
        GET "/f" => http "2";
    }
}

fn main() {}
