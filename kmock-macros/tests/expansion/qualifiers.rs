fn expansion() {
    {
        #[allow(clippy::needless_borrow)]
        let __kmock: &kmock::KMock = &k;
        __kmock
            .on(
                <kmock::Filter>::method(kmock::__private::verbs::POST)
                    & <kmock::Filter>::path("/")
                    & <kmock::Filter>::query("page", <kmock::Pattern>::range(1..=9))
                    & <kmock::Filter>::query("all", <kmock::Pattern>::present())
                    & <kmock::Filter>::header(
                        "X-A",
                        <kmock::Pattern>::one_of([
                            <kmock::Pattern>::from("1"),
                            <kmock::Pattern>::from("2"),
                        ]),
                    ) & <kmock::Filter>::header(NAME, <kmock::Pattern>::absent())
                    & <kmock::Filter>::cookie("s", <kmock::Pattern>::regex("[a-f]+")),
            );
        __kmock
            .on(
                <kmock::Filter>::json(
                    <kmock::Pattern>::object([
                        (
                            "a",
                            <kmock::Pattern>::object([
                                (
                                    "b",
                                    <kmock::Pattern>::array_rest(
                                        [<kmock::Pattern>::value(1)],
                                        [<kmock::Pattern>::value(-2.5)],
                                    ),
                                ),
                                ("c", <kmock::Pattern>::array([])),
                            ]),
                        ),
                        ("d", <kmock::Pattern>::partial(value)),
                        ("e", <kmock::Pattern>::value(())),
                        ("f", <kmock::Pattern>::value(true)),
                    ]),
                ) & <kmock::Filter>::form("x", "pre*"),
            );
        __kmock
            .on(
                <kmock::Filter>::json_exact(
                    <kmock::Pattern>::object_exact([
                        ("only", <kmock::Pattern>::from("this")),
                        ("empty", <kmock::Pattern>::object_exact::<&str>([])),
                    ]),
                ),
            );
        __kmock
            .on(
                <kmock::Filter>::body(b"raw".as_slice())
                    & <kmock::Filter>::text("hello*")
                    & <kmock::Filter>::host("example.com")
                    & <kmock::Filter>::peer("10.0.0.0/8"),
            );
        __kmock
            .on(
                <kmock::Filter>::test(
                    "| req | req . body () . len () > 10",
                    move |req| req.body().len() > 10,
                ),
            );
        __kmock.on(<kmock::Filter>::test("| | ready . load ()", move |_| ready.load()));
        __kmock
            .on(
                <kmock::Filter>::test_async(
                    "async | req | check (req) . await",
                    {
                        let __code = ::std::sync::Arc::new(
                            kmock::__private::async_closure(async move |req| {
                                check(req).await
                            }),
                        );
                        move |__request: kmock::Request| {
                            let __code = ::std::sync::Arc::clone(&__code);
                            async move { __code(__request).await }
                        }
                    },
                ),
            );
        __kmock
            .on(
                match is_ready {
                    __named => {
                        #[allow(unused_imports)]
                        use kmock::__private::condition::{
                            AsyncFn0 as _, AsyncFn1 as _, Fn0 as _, Fn1 as _, FnRef as _,
                            Value as _,
                        };
                        (&&&&&&kmock::__private::condition::Kind(&__named))
                            .kind()
                            .filter("is_ready", __named)
                    }
                },
            );
        __kmock
            .on(
                <kmock::Filter>::query_exact([
                    ("page", <kmock::Pattern>::value(1)),
                    ("q", <kmock::Pattern>::present()),
                ]) & <kmock::Filter>::cookie_exact::<&str, kmock::Pattern>([]),
            );
        __kmock
            .on(
                <kmock::Filter>::part(
                    <kmock::PartPattern>::new()
                        .name("file")
                        .filename("*.png")
                        .content_type("image/*")
                        .json(
                            <kmock::Pattern>::object([
                                ("a", <kmock::Pattern>::partial(value)),
                            ]),
                        )
                        .body(b"raw".as_slice()),
                ) & <kmock::Filter>::part(<kmock::Pattern>::present())
                    & <kmock::Filter>::part("meta"),
            );
        __kmock
            .on(
                <kmock::Filter>::json(
                    <kmock::Pattern>::object([
                        ("a", !<kmock::Pattern>::from("x")),
                        (
                            "b",
                            !<kmock::Pattern>::one_of([
                                <kmock::Pattern>::value(1),
                                <kmock::Pattern>::value(2),
                            ]),
                        ),
                        (
                            "c",
                            <kmock::Pattern>::array_runs([
                                ::std::vec::Vec::from([]),
                                ::std::vec::Vec::from([<kmock::Pattern>::value(1)]),
                                ::std::vec::Vec::from([]),
                            ]),
                        ),
                        (
                            "d",
                            <kmock::Pattern>::any_order_rest([
                                <kmock::Pattern>::from("x"),
                                !<kmock::Pattern>::from("y"),
                            ]),
                        ),
                        ("e", <kmock::Pattern>::value(1700000000000i64)),
                        ("f", <kmock::Pattern>::range(-5..1700000000000i64)),
                    ]),
                ),
            );
    }
}
