kmock! { k,
    GET "/a" | POST "/b" - header { "X": _ } & !query { "q": "1" };
    !(GET "/a" | "/b") & json { "x": 1 };
    "/all/**" - ("/all/but" | "/this");
}
