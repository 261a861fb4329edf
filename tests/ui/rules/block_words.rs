//! Slips in the words of blocks; what is in them is read.

use kmock::prelude::*;

fn rules(k: &KMock) {
    kmock! { k,
        inorder! { let a = GET "/a" => 200; }
        in_order!( let b = GET "/b" => 200; )
        overide { let c = GTE "/c" => 200; }
    }
    assert_requests!(a == 1, b == 1, c == 1);
}

fn main() {}
