fn expansion() {
    {
        #[allow(clippy::needless_borrow)]
        let __kmock: &kmock::KMock = &self.servers[0].kmock();
        __kmock
            .on(
                <kmock::Filter>::method(kmock::__private::verbs::GET)
                    & <kmock::Filter>::path("/"),
            )
            .status(200);
    }
}
