fn expansion() {
    {
        #[allow(clippy::needless_borrow)]
        let __kmock: &kmock::KMock = &k;
        __kmock
            .on(
                <kmock::Filter>::method(kmock::__private::verbs::GET)
                    & <kmock::Filter>::path("/a"),
            )
            .reply_with(move |req| req.body().clone());
        __kmock
            .on(
                <kmock::Filter>::method(kmock::__private::verbs::GET)
                    & <kmock::Filter>::path("/b"),
            )
            .reply_with(move |_| now());
        __kmock
            .on(
                <kmock::Filter>::method(kmock::__private::verbs::GET)
                    & <kmock::Filter>::path("/c"),
            )
            .reply_async({
                let __code = ::std::sync::Arc::new(
                    kmock::__private::async_closure(async move |req| {
                        seen.lock().push(req);
                        200
                    }),
                );
                move |__request: kmock::Request| {
                    let __code = ::std::sync::Arc::clone(&__code);
                    async move { __code(__request).await }
                }
            });
        __kmock
            .on(
                <kmock::Filter>::method(kmock::__private::verbs::GET)
                    & <kmock::Filter>::path("/d"),
            )
            .reply_async({
                let __code = ::std::sync::Arc::new(
                    kmock::__private::async_closure(async move |req| {
                        req.json()["x"].clone()
                    }),
                );
                move |__request: kmock::Request| {
                    let __code = ::std::sync::Arc::clone(&__code);
                    async move { __code(__request).await }
                }
            });
        __kmock
            .on(
                <kmock::Filter>::method(kmock::__private::verbs::GET)
                    & <kmock::Filter>::path("/e"),
            )
            .reply_async(move |req| {
                let seen = seen.clone();
                async move { seen.done().await }
            });
        __kmock
            .on(
                <kmock::Filter>::method(kmock::__private::verbs::GET)
                    & <kmock::Filter>::path("/f"),
            )
            .reply_async({
                let __code = ::std::sync::Arc::new(
                    kmock::__private::async_closure(async move |_| { later().await }),
                );
                move |__request: kmock::Request| {
                    let __code = ::std::sync::Arc::clone(&__code);
                    async move { __code(__request).await }
                }
            });
        __kmock
            .on(<kmock::Filter>::path("/users/{id: u64}"))
            .reply_with({
                let __code = move |id: u64| format!("user {id}");
                move |__request: kmock::Request| ::core::option::Option::Some(
                    __code(__request.capture::<u64>("id")?),
                )
            });
        __kmock
            .on(<kmock::Filter>::path("/users/{id: u64}/{name}"))
            .reply_with({
                let __code = move |req: kmock::Request, name: String, id: u32| 200;
                move |__request: kmock::Request| ::core::option::Option::Some(
                    __code(
                        ::core::clone::Clone::clone(&__request),
                        __request.capture::<String>("name")?,
                        __request.capture::<u32>("id")?,
                    ),
                )
            });
        __kmock
            .on(<kmock::Filter>::path("/async/{id}"))
            .reply_async({
                let __code = ::std::sync::Arc::new(async move |id: String| {
                    load(id).await
                });
                move |__request: kmock::Request| {
                    let __code = ::std::sync::Arc::clone(&__code);
                    async move {
                        ::core::option::Option::Some(
                            __code(__request.capture::<String>("id")?).await,
                        )
                    }
                }
            });
    }
}
