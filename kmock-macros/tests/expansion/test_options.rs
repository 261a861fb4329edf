#[::core::prelude::v1::test]
fn options() {
    async fn options(a: KMock, b: KMock) {
        kmock!(a, GET "/" => 200);
    }
    my::kmock::__private::run_async::<
        [(); 2usize],
        _,
    >(
        <my::kmock::__private::TestOptions>::new(
                ::core::concat!(::core::module_path!(), "::", "options"),
            )
            .start_paused(true)
            .strict(true)
            .raw(true)
            .limit(9)
            .port(8080)
            .seed(1)
            .hostnames(&["a.b", "~.*\\.c"]),
        |__server0: my::kmock::KMock, __server1: my::kmock::KMock| options(
            __server0,
            __server1,
        ),
    )
}
