fn expansion() {
    #[allow(clippy::needless_borrow)]
    let __kmock: &kmock::KMock = &k;
    __kmock
        .on(
            <kmock::Filter>::method(kmock::__private::verbs::GET)
                & <kmock::Filter>::path("/"),
        )
        .named("whoever asks first")
        .reply(b"john");
    let hello = __kmock
        .on(
            <kmock::Filter>::method(kmock::__private::verbs::POST)
                & <kmock::Filter>::path("/hello"),
        )
        .reply_with(move |req| json!({ "you-are" : req.json() ["name"] }));
    let never = __kmock.on(<kmock::Filter>::path("/")).reply(b"");
}
