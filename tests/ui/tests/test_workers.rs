//! Workers without threads.

#[kmock::test(worker_threads = 2)]
async fn test(_k: kmock::KMock) {}

fn main() {}
