fn expansion() {
    {
        #[allow(clippy::needless_borrow)]
        let __kmock: &kmock::KMock = &k;
        #[allow(clippy::needless_borrow)]
        kmock::__private::assert_requests(
            ::std::vec::Vec::from([
                <kmock::Check>::total(__kmock, <kmock::Times>::exactly(2), "total == 2"),
                <kmock::Check>::filter(
                    __kmock,
                    "get",
                    <kmock::Times>::exactly(1),
                    "\"get\" == 1",
                ),
                <kmock::Check>::filter(
                    __kmock,
                    <kmock::Filter>::method(kmock::__private::verbs::POST)
                        & <kmock::Filter>::path("/hello"),
                    1..,
                    "POST \"/hello\" >= 1",
                ),
                <kmock::Check>::filter(__kmock, "post", 1..=3, "\"post\" in 1 ..= 3"),
                <kmock::Check>::rule(&hello, <kmock::Times>::exactly(1), "hello == 1"),
                <kmock::Check>::rule(
                    &rules[0],
                    <kmock::Times>::not(0),
                    "rules [0] != 0",
                ),
                <kmock::Check>::filter(
                    __kmock,
                    <kmock::Filter>::verb("list") & <kmock::Filter>::resource("v1/pods")
                        & <kmock::Filter>::namespace("a"),
                    ..3,
                    "list \"v1/pods\" in \"a\" < 3",
                ),
                <kmock::Check>::filter(
                    __kmock,
                    <kmock::Filter>::json(
                        <kmock::Pattern>::object([("a", <kmock::Pattern>::value(1))]),
                    ),
                    ..=(n + 1),
                    "json { \"a\" : 1 } <= n + 1",
                ),
                <kmock::Check>::filter(
                    __kmock,
                    <kmock::Filter>::method(kmock::__private::verbs::GET),
                    0 + 1..,
                    "GET > 0",
                ),
            ]),
        );
    }
}
