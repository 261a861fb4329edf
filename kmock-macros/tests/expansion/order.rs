fn expansion() {
    #[allow(clippy::needless_borrow)]
    let __kmock: &kmock::KMock = &k;
    __kmock
        .on(
            <kmock::Filter>::method(kmock::__private::verbs::GET)
                & <kmock::Filter>::path("/"),
        )
        .priority(100)
        .slice(0)
        .sink(&list)
        .sink(tx.clone())
        .sink(kmock::reply::sink_with(move |req| log(req)))
        .status(200);
    __kmock
        .on(
            <kmock::Filter>::method(kmock::__private::verbs::GET)
                & <kmock::Filter>::path("/"),
        )
        .overriding()
        .slice(..3)
        .expecting(1..)
        .status(201);
    __kmock.on(<kmock::Filter>::any()).falling_back().never().status(404);
    __kmock
        .on(
            <kmock::Filter>::method(kmock::__private::verbs::GET)
                & <kmock::Filter>::path("/x"),
        )
        .falling_back()
        .reply(1.5);
    let deep = __kmock
        .on(<kmock::Filter>::path("/y"))
        .falling_back()
        .falling_back()
        .reply("str");
    let mut __group = <kmock::Rules>::new();
    let first = __group
        .add(
            <kmock::Rule>::on(
                <kmock::Filter>::method(kmock::__private::verbs::POST)
                    & <kmock::Filter>::path("/a"),
            ),
        );
    __group
        .add(
            <kmock::Rule>::on(
                <kmock::Filter>::method(kmock::__private::verbs::POST)
                    & <kmock::Filter>::path("/b"),
            ),
        );
    let mut __ordered = <kmock::Rules>::new();
    __ordered.in_order(__group);
    __kmock.mount(__ordered);
    #[cfg(unix)]
    __kmock
        .on(
            <kmock::Filter>::method(kmock::__private::verbs::GET)
                & <kmock::Filter>::path("/unix"),
        )
        .status(200);
}
