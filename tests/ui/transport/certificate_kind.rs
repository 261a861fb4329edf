//! No such certificate, and none at all.

use kmock::prelude::*;

fn rules(k: &KMock) {
    kmock! { k,
        connection => certificate expird;
        connection => certificate;
    }
}

fn main() {}
