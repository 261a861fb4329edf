fn expansion() {
    {
        #[allow(clippy::needless_borrow)]
        let __kmock: &kmock::KMock = &k;
        __kmock
            .on(<kmock::Filter>::path("/"))
            .stream(
                <kmock::Stream>::new()
                    .item(b"hello")
                    .sleep(::core::time::Duration::from_secs(1))
                    .item(b", world!\n")
                    .json(kmock::__private::json!({ "key" : "val" }))
                    .item({
                        let mut __stream = <kmock::Stream>::new();
                        for i in (0..3).rev() {
                            __stream = __stream
                                .item(format!("{i}…\n").into_bytes())
                                .sleep(::core::time::Duration::from_secs(1));
                        }
                        __stream
                    })
                    .call(move || now())
                    .call_with(move |req| req.path("x").to_owned())
                    .call_async({
                        let __code = ::std::sync::Arc::new(
                            kmock::__private::async_closure(async move |_| later().await),
                        );
                        move |__request: kmock::Request| {
                            let __code = ::std::sync::Arc::clone(&__code);
                            async move { __code(__request).await }
                        }
                    })
                    .once(
                        <kmock::Stream>::new()
                            .item("first")
                            .fault(<kmock::Fault>::reset()),
                    )
                    .item(<kmock::Stream>::new().item(1).item("two"))
                    .wait(kmock::__private::event(notified))
                    .wait(move || notify.notified())
                    .from_source(rx)
                    .sse(
                        <kmock::Event>::new()
                            .event("tick")
                            .data(kmock::__private::json!({ "n" : 1 }))
                            .id(7)
                            .retry(2000),
                    )
                    .hold(&gate)
                    .text("raw")
                    .live(),
            );
        __kmock
            .on(
                <kmock::Filter>::method(kmock::__private::verbs::GET)
                    & <kmock::Filter>::path("/t"),
            )
            .status(201)
            .stream(<kmock::Stream>::new().item(b"x"));
        __kmock.on(<kmock::Filter>::path("/u")).header("X", "1").stream(lines());
    }
}
