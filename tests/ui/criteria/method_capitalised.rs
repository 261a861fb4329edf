//! A method that is not in upper case.

use kmock::prelude::*;

fn rules(k: &KMock) {
    kmock! { k,
        Get "/x" => 200;
    }
}

fn main() {}
