kmock! { k,
    POST "/" query { "page": 1..=9, "all": _ } header { "X-A": "1" | "2", (NAME): ! } cookie { "s": ~"[a-f]+" };
    json { "a": { "b": [1, .., -2.5], "c": [] }, "d": (value), "e": null, "f": true } form { "x": "pre*" };
    json == { "only": "this", "empty": {} };
    body b"raw" text "hello*" host "example.com" from 10.0.0.0/8;
    where |req| req.body().len() > 10;
    where || ready.load();
    where async |req| check(req).await;
    where is_ready;
    query == { "page": 1, "q": _ } cookie == {};
    part "file" { filename: "*.png", type: "image/*", json: { "a": (value) }, body: b"raw" } part _ part "meta";
    json { "a": !"x", "b": !(1 | 2), "c": [.., 1, ..], "d": any_order ["x", !"y", ..], "e": 1700000000000, "f": -5..1700000000000 };
}
