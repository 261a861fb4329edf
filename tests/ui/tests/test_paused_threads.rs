//! Virtual time on several threads.

#[kmock::test(start_paused, flavor = "multi_thread")]
async fn test(_k: kmock::KMock) {}

fn main() {}
