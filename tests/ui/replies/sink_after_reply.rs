//! A sink after the reply, and one with one `>`.

use kmock::prelude::*;

fn rules(k: &KMock) {
    let (tx, _rx) = std::sync::mpsc::channel::<Request>();
    kmock! { k,
        GET "/a" => 200 >> tx;
        GET "/b" > &tx => 200;
    }
}

fn main() {}
