fn expansion() {
    {
        #[allow(clippy::needless_borrow)]
        let __kmock: &kmock::KMock = &k;
        __kmock.on(<kmock::Filter>::method(kmock::__private::verbs::GET));
        __kmock.on(<kmock::Filter>::any());
        __kmock
            .on(
                (<kmock::Filter>::method(kmock::__private::verbs::GET)
                    | <kmock::Filter>::method(kmock::__private::verbs::POST))
                    & <kmock::Filter>::path("/both"),
            );
        __kmock
            .on(<kmock::Filter>::method("FOO") & <kmock::Filter>::path("/own-method"));
        __kmock.on(<kmock::Filter>::path("/users/{id}"));
        __kmock.on(<kmock::Filter>::path_regex("/v[0-9]+/.*"));
        __kmock
            .on(
                <kmock::Filter>::method(kmock::__private::verbs::GET)
                    & <kmock::Filter>::path(format!("/x/{i}")),
            );
        __kmock
            .on(
                <kmock::__private::AsFilter>::of("watch kopf.dev/v1/kopfexamples")
                    & !<kmock::Filter>::host("a"),
            );
        __kmock.on(filter);
        __kmock
            .on(
                (<kmock::Filter>::verb("list") | <kmock::Filter>::verb("watch"))
                    & <kmock::Filter>::resource("v1/pods")
                    & <kmock::Filter>::namespace(
                        <kmock::Pattern>::one_of([
                            <kmock::Pattern>::from("a"),
                            <kmock::Pattern>::from("b"),
                        ]),
                    ) & <kmock::Filter>::named("web-*")
                    & <kmock::Filter>::subresource(<kmock::Pattern>::absent()),
            );
        __kmock.on(<kmock::Filter>::verb("get") & <kmock::Filter>::resource(resource()));
        __kmock
            .on(
                (<kmock::Filter>::verb("get") | <kmock::Filter>::verb("create"))
                    & <kmock::Filter>::resource("v1/pods/exec")
                    & <kmock::Filter>::named("db-*"),
            )
            .exec(async move |command, io| run(command, io));
        __kmock
            .on(
                (<kmock::Filter>::verb("get") | <kmock::Filter>::verb("create"))
                    & <kmock::Filter>::resource("v1/pods/attach"),
            )
            .exec(async move |_, io| echo(io).await);
        __kmock
            .on(
                (<kmock::Filter>::verb("get") | <kmock::Filter>::verb("create"))
                    & <kmock::Filter>::resource("v1/pods/exec"),
            )
            .exec((shell));
        __kmock.on(<kmock::Filter>::path("/any"));
    }
}
