kmock! { k,
    GET;
    ANY;
    GET | POST "/both";
    FOO "/own-method";
    "/users/{id}";
    ~"/v[0-9]+/.*";
    GET (format!("/x/{i}"));
    "watch kopf.dev/v1/kopfexamples" & !host "a";
    (filter);
    list | watch "v1/pods" in "a" | "b" named "web-*" sub !;
    get (resource());
    exec "v1/pods" named "db-*" => |command, io| run(command, io);
    attach => async |_, io| echo(io).await;
    get | create "v1/pods/exec" => exec (shell);
    ANY "/any";
}
