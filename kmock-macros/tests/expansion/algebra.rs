fn expansion() {
    {
        #[allow(clippy::needless_borrow)]
        let __kmock: &kmock::KMock = &k;
        __kmock
            .on(
                <kmock::Filter>::method(kmock::__private::verbs::GET)
                    & <kmock::Filter>::path("/a")
                    | (<kmock::Filter>::method(kmock::__private::verbs::POST)
                        & <kmock::Filter>::path("/b"))
                        - <kmock::Filter>::header("X", <kmock::Pattern>::present())
                        & !<kmock::Filter>::query("q", "1"),
            );
        __kmock
            .on(
                !(<kmock::Filter>::method(kmock::__private::verbs::GET)
                    & <kmock::Filter>::path("/a") | <kmock::Filter>::path("/b"))
                    & <kmock::Filter>::json(
                        <kmock::Pattern>::object([("x", <kmock::Pattern>::value(1))]),
                    ),
            );
        __kmock
            .on(
                <kmock::Filter>::path("/all/**")
                    - (<kmock::Filter>::path("/all/but")
                        | <kmock::Filter>::path("/this")),
            );
    }
}
