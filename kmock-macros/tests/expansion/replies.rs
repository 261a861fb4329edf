fn expansion() {
    {
        #[allow(clippy::needless_borrow)]
        let __kmock: &kmock::KMock = &k;
        __kmock
            .on(
                <kmock::Filter>::method(kmock::__private::verbs::GET)
                    & <kmock::Filter>::path("/a"),
            )
            .status(404)
            .header("X-A", "1")
            .no_header("X-B")
            .cookie("s", "1")
            .no_cookie("t")
            .json(kmock::__private::json!({ "a" : 1, "b" : [x], "c" : { "d" : null } }));
        __kmock
            .on(
                <kmock::Filter>::method(kmock::__private::verbs::GET)
                    & <kmock::Filter>::path("/b"),
            )
            .json(kmock::__private::json!([1, 2]));
        __kmock
            .on(
                <kmock::Filter>::method(kmock::__private::verbs::GET)
                    & <kmock::Filter>::path("/c"),
            )
            .text("raw");
        __kmock
            .on(
                <kmock::Filter>::method(kmock::__private::verbs::GET)
                    & <kmock::Filter>::path("/d"),
            )
            .json(value);
        __kmock
            .on(
                <kmock::Filter>::method(kmock::__private::verbs::GET)
                    & <kmock::Filter>::path("/e"),
            )
            .file("a.json");
        __kmock
            .on(
                <kmock::Filter>::method(kmock::__private::verbs::GET)
                    & <kmock::Filter>::path("/f"),
            )
            .file_once("b.json");
        __kmock
            .on(
                <kmock::Filter>::method(kmock::__private::verbs::GET)
                    & <kmock::Filter>::path("/g"),
            )
            .delay(::core::time::Duration::from_millis(1500))
            .hold(&gate)
            .slow(64000)
            .reply(b"x");
        __kmock
            .on(
                <kmock::Filter>::method(kmock::__private::verbs::GET)
                    & <kmock::Filter>::path("/h"),
            )
            .fault(<kmock::Fault>::reset());
        __kmock
            .on(
                <kmock::Filter>::method(kmock::__private::verbs::GET)
                    & <kmock::Filter>::path("/i"),
            )
            .fault(<kmock::Fault>::truncate(10));
        __kmock
            .on(
                <kmock::Filter>::method(kmock::__private::verbs::GET)
                    & <kmock::Filter>::path("/j"),
            )
            .proxy("http://127.0.0.1:1");
        __kmock
            .on(
                <kmock::Filter>::method(kmock::__private::verbs::GET)
                    & <kmock::Filter>::path("/k"),
            )
            .json(kmock::__private::json!(null));
        __kmock
            .on(
                <kmock::Filter>::method(kmock::__private::verbs::GET)
                    & <kmock::Filter>::path("/l"),
            )
            .reply(StatusCode::NOT_FOUND);
        __kmock
            .on(
                <kmock::Filter>::method(kmock::__private::verbs::GET)
                    & <kmock::Filter>::path("/m"),
            )
            .reply(
                match handler {
                    __named => {
                        #[allow(unused_imports)]
                        use kmock::__private::answer::{
                            AsyncFn0 as _, AsyncFn1 as _, Fn0 as _, Fn1 as _, Value as _,
                        };
                        (&&&&&kmock::__private::answer::Kind(&__named))
                            .kind()
                            .reply(__named)
                    }
                },
            );
        __kmock
            .on(
                <kmock::Filter>::method(kmock::__private::verbs::GET)
                    & <kmock::Filter>::path("/n"),
            )
            .reply(json!(42));
        __kmock
            .on(
                <kmock::Filter>::method(kmock::__private::verbs::GET)
                    & <kmock::Filter>::path("/o"),
            )
            .reply(true);
    }
}
