kmock! { k,
    GET "/a" => 404, header { "X-A": "1", "X-B": ! }, cookie { "s": "1", "t": ! }, { "a": 1, "b": [x], "c": { "d": null } };
    GET "/b" => [1, 2];
    GET "/c" => text "raw";
    GET "/d" => json(value);
    GET "/e" => file "a.json";
    GET "/f" => file once "b.json";
    GET "/g" => sleep(1.5s), hold(&gate), slow 64kB/s, b"x";
    GET "/h" => reset;
    GET "/i" => truncate 10;
    GET "/j" => proxy "http://127.0.0.1:1";
    GET "/k" => null;
    GET "/l" => StatusCode::NOT_FOUND;
    GET "/m" => handler;
    GET "/n" => json!(42);
    GET "/o" => true;
}
