//! Words that are nearly these.

use kmock::prelude::*;

fn rules(k: &KMock) {
    kmock! { k,
        GET "/a" => b"x", until_eoff;
        conection => reset;
        GET "/b" client_cer "cn=x" => 200;
    }
}

fn main() {}
