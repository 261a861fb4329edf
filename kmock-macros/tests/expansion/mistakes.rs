fn expansion() {
    {
        #[allow(clippy::needless_borrow)]
        let __kmock: &kmock::KMock = &k;
        __kmock.on(<kmock::Filter>::any() & <kmock::Filter>::path("/x")).status(200);
        __kmock
            .on(
                <kmock::Filter>::method(kmock::__private::verbs::GET)
                    & <kmock::Filter>::path("/good"),
            )
            .status(200);
        __kmock
            .on(
                <kmock::Filter>::method(kmock::__private::verbs::GET)
                    & <kmock::Filter>::path("/y"),
            );
        ::core::compile_error! {
            "`GTE` is no HTTP method; did you mean `GET`?\nhelp: a method of your own that looks so much like another is written `(\"GTE /path\")`"
        }
        ::core::compile_error! {
            "`1sec` is no reply\nhelp: a status is a number from 200 to 999, a pause is `sleep(1s)`"
        }
    }
}
