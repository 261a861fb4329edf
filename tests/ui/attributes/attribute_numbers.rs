//! Numbers that cannot be.

use kmock::prelude::*;

fn rules(k: &KMock) {
    kmock! { k,
        #[expect("1")] GET "/a" => 200;
        #[expect(-1)] GET "/b" => 200;
        #[expect(3..1)] GET "/c" => 200;
        #[expect(unused)] GET "/d" => 200;
        #[priority("high")] GET "/e" => 200;
        GET "/f" #[expect(1)] => 200;
    }
}

fn main() {}
