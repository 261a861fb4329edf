kmock! { k,
    stream "/" => [
        b"hello", sleep(1s), b", world!\n",
        { "key": "val" },
        for i in (0..3).rev() { format!("{i}…\n").into_bytes(), sleep(1s) }
        || now(),
        |req| req.path("x").to_owned(),
        async || later().await,
        once [ "first", reset ],
        [ 1, "two" ],
        wait(notified),
        wait(|| notify.notified()),
        from(rx),
        sse { event: "tick", data: { "n": 1 }, id: 7, retry: 2s },
        hold(&gate),
        text "raw",
        ...,
    ];
    GET "/t" => 201, stream [ b"x" ];
    stream "/u" => header { "X": "1" }, lines();
}
