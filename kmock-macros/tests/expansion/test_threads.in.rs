#[kmock::test(flavor = "multi_thread", worker_threads = 2)]
pub(crate) async fn threads() {}
