//! An expectation that nothing can meet.

use kmock::prelude::*;

fn rules(k: &KMock) {
    kmock! { k,
        #[never] #[expect(1)] GET "/a" => 200;
    }
}

fn main() {}
