fn expansion() {
    {
        #[allow(clippy::needless_borrow)]
        let __kmock: &kmock::KMock = &k;
        __kmock.feed(<kmock::Stream>::new().call(move || now_iso8601()).live());
        __kmock
            .filter(
                <kmock::Filter>::method(kmock::__private::verbs::GET)
                    & <kmock::Filter>::path("/x"),
            )
            .feed(<kmock::Stream>::new().item(b"bye"));
    }
}
