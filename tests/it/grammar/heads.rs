//! Heads: methods, paths, string notation, verbs of Kubernetes.

use kmock::prelude::*;

#[kmock::test]
async fn methods_and_paths(k: KMock) {
    kmock! {
        let exact = GET "/exact" => 201;
        let either = GET | POST "/either" => 202;
        let own = FROB "/own" => 203;
        let any = ANY "/any" => 204;
        let bare = "/bare" => 205;
        let search = GET "/search?q=rust&page=*" => 206;
        let expression = GET (format!("/x/{}", 1 + 1)) => 207;
    }
    assert_eq!(k.get("/exact").await.status(), 201);
    assert_eq!(k.post("/exact").await.status(), 404);
    assert_eq!(k.get("/either").await.status(), 202);
    assert_eq!(k.post("/either").await.status(), 202);
    assert_eq!(k.put("/either").await.status(), 404);
    assert_eq!(k.request("FROB", "/own").await.status(), 203);
    assert_eq!(k.delete("/any").await.status(), 204);
    assert_eq!(k.put("/bare").await.status(), 205);
    assert_eq!(k.get("/search?page=7&q=rust").await.status(), 206);
    assert_eq!(k.get("/search?q=rust").await.status(), 404);
    assert_eq!(k.get("/x/2").await.status(), 207);
    assert_requests!(
        exact == 1,
        either == 2,
        own == 1,
        any == 1,
        bare == 1,
        search == 1,
        expression == 1
    );
}

#[kmock::test]
async fn templates_globs_and_expressions(k: KMock) {
    kmock! {
        GET "/users/{id}" => |req| req.path("id").to_owned();
        GET "/one/*/end" => 201;
        GET "/files/**" => 202;
        GET ~"/v[0-9]+/.*" => 203;
        GET "/pre*fix" => 204;
        GET "/rest/{rest**}" => |rest| rest;
    }
    assert_eq!(k.get("/users/7").await.json(), "7");
    assert_eq!(k.get("/one/x/end").await.status(), 201);
    assert_eq!(k.get("/one/x/y/end").await.status(), 404);
    assert_eq!(k.get("/files/a/b/c").await.status(), 202);
    assert_eq!(k.get("/v12/x").await.status(), 203);
    assert_eq!(k.get("/v/x").await.status(), 404);
    assert_eq!(k.get("/pre-and-fix").await.status(), 204);
    assert_eq!(k.get("/rest/a/b").await.json(), "a/b");
}

#[kmock::test]
async fn typed_captures(k: KMock) {
    kmock! {
        GET "/users/{id: u64}" => |id| json!({ "id": id, "next": id + 1 });
        GET "/users/{id: u64}/{name}" => |req, name, id| (201, format!("{id} {name} {}", req.method()));
        GET "/small/{n: u8}" => |n| format!("small {n}");
        fallback => 404, "nobody";
        GET "/later/{name}" => async |name| name.to_uppercase();
        GET "/given/{id}" => |id: i32| id.to_string();
        "put /words/{a}" => |a| a.len().to_string();
    }
    assert_eq!(
        k.get("/users/41").await.json(),
        json!({ "id": 41, "next": 42 })
    );
    assert_eq!(k.get("/users/x").await.json(), "nobody");
    let both = k.get("/users/1/ann").await;
    assert_eq!((both.status(), both.json()), (201, json!("1 ann GET")));
    assert_eq!(k.get("/small/9").await.json(), "small 9");
    // 300 is a number, but no `u8`: the next rule answers.
    assert_eq!(k.get("/small/300").await.json(), "nobody");
    assert_eq!(k.get("/later/bob").await.json(), "BOB");
    assert_eq!(k.get("/given/-5").await.json(), "-5");
    assert_eq!(k.get("/given/five").await.json(), "nobody");
    assert_eq!(k.put("/words/four").await.json(), "4");
}

#[kmock::test]
async fn string_notation(k: KMock) {
    let written = String::from("delete /gone");
    kmock! {
        "get /" => 201;
        "post" => 202;
        "/path?q=1" => 203;
        (written) => 204;
        (Filter::method("PUT")) => 205;
        "patch /a" | "patch /b" => 206;
    }
    assert_eq!(k.get("/").await.status(), 201);
    assert_eq!(k.post("/anything").await.status(), 202);
    assert_eq!(k.get("/path?q=1").await.status(), 203);
    assert_eq!(k.delete("/gone").await.status(), 204);
    assert_eq!(k.put("/anything").await.status(), 205);
    assert_eq!(k.patch("/b").await.status(), 206);
}

#[kmock::test]
async fn verbs_of_kubernetes(k: KMock) {
    let pods = "v1/pods";
    kmock! {
        let listed = list "v1/pods" in "default";
        let watched = list | watch "pods.v1" in "team-*" | "other";
        let named = get "v1/pods" named "web-*" => { "kind": "Pod", "mine": true };
        let scaled = update "apps/v1/deployments/scale";
        let status = patch "deployments.v1.apps" sub "status" => 418;
        let created = create (pods) !in "default";
        let fetched = fetch "*/*/leases";
        let all = "list pods.v1";
    }
    k.get("/api/v1/namespaces/default/pods").await;
    k.get("/api/v1/namespaces/team-a/pods").await;
    k.get("/api/v1/namespaces/other/pods").await;
    let web = k.get("/api/v1/namespaces/default/pods/web-0").await;
    assert_eq!(web.json()["mine"], true);
    k.get("/api/v1/namespaces/default/pods/db-0").await;
    k.get("/apis/coordination.k8s.io/v1/namespaces/default/leases/x")
        .await;
    let path = "/apis/apps/v1/namespaces/default/deployments/web";
    assert_eq!(k.patch(format!("{path}/status")).await.status(), 418);
    k.put(format!("{path}/scale")).await;
    assert_requests!(
        listed == 1,
        watched == 2,
        named == 1,
        scaled == 1,
        status == 1,
        created == 0,
        fetched == 1,
        all == 3
    );
    assert_requests!(k, list "v1/pods" == 3, get "v1/pods" named "db-0" == 1, "patch deployments.v1.apps" == 1);
}
