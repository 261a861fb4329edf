#[::core::prelude::v1::test]
pub(crate) fn threads() {
    async fn threads() {}
    ::kmock::__private::run_async::<
        [(); 0usize],
        _,
    >(
        <::kmock::__private::TestOptions>::new(
                ::core::concat!(::core::module_path!(), "::", "threads"),
            )
            .multi_thread(::core::option::Option::Some(2)),
        threads,
    )
}
