#[::core::prelude::v1::test]
fn options() {
    async fn options(a: KMock, b: KMock) {
        kmock!(a, GET "/" => 200);
    }
    my::kmock::__private::run_async(
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
        options,
    )
}
