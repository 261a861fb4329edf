//! After how much?

use kmock::prelude::*;

fn rules(k: &KMock) {
    kmock! { k,
        PUT "/a" => 413, unread after;
        PUT "/b" => 413, unread after "4";
        PUT "/c" => 200, slow upload;
        PUT "/d" => reset in upload;
    }
}

fn main() {}
