//! Words that stand alone where a reply stands, and are none.

use kmock::prelude::*;

fn rules(k: &KMock) {
    kmock! { k,
        GET "/a" => drop;
        GET "/b" => timeout;
        GET "/c" => disconnect;
        GET "/d" => hang;
    }
}

fn main() {}
