kmock! { k,
    POST "/login" json { "name": "john" } => header { "set-cookie": "session=REDACTED; Path=/" }, { "token": "REDACTED", "user": "john" };
    GET "/users/me" => { "id": 7, "self": "/users/7" };
    GET "/version" => { "build": 175928847299117063, "version": "1.2.3" };
    GET "/text" => text r#"say "hi""#;
    GET "/page" => header { "content-type": "text/html" }, text r#"<p>
  "hi"
</p>
"#;
    GET "/raw" => b"\x00\xff";
    GET "/odd" => header { "content-type": "application/json" }, text r#"{ "b": 1, "a": 2 }"#;
    GET "/reset/*" => 204;
    GET "/counter" => { "n": 1 }, then { "n": 2 }, then 503;
    GET "/events" query { "q": "a b", "token": _ } => stream [
        { "a": 1 },
        { "a": 2 },
    ];
    GET "/search" query { "q": "a b" } => json!(["found"]);
    GET "/search" => json!([]);
    POST "/search" json == { "n": 1.5, "q": ("x*y") } => json!(1);
    POST "/search" json == { "q": "z" } => json!(2);
    POST "/form" form { "name": "j d", "secret": _ } => 201, header { "location": "/forms/1" };
    DELETE "/users/7" => 204;
    GET "/users/{id: u64}" => { "id": id, "role": "user" };
    GET "/orders/{id}" => { "lines": [{ "count": 1, "of": id }], "order": id };
}
