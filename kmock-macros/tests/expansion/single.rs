fn expansion() {
    {
        #[allow(clippy::needless_borrow)]
        let __kmock: &kmock::KMock = &k;
        __kmock
            .on(
                <kmock::Filter>::method(kmock::__private::verbs::POST)
                    & <kmock::Filter>::path("/hello"),
            )
            .status(201)
    }
}
