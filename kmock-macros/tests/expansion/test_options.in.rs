#[kmock::test(start_paused = true, strict, raw, limit = 9, port = 8080, seed = 1, hostnames = ["a.b", ~".*\\.c"], crate = my::kmock)]
async fn options(a: KMock, b: KMock) { kmock!(GET "/" => 200); }
