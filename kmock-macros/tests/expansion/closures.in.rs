kmock! { k,
    GET "/a" => |req| req.body().clone();
    GET "/b" => || now();
    GET "/c" => async move |req| { seen.lock().push(req); 200 };
    GET "/d" => |req| async move { req.json()["x"].clone() };
    GET "/e" => |req| { let seen = seen.clone(); async move { seen.done().await } };
    GET "/f" => async { later().await };
    "/users/{id: u64}" => |id| format!("user {id}");
    "/users/{id: u64}/{name}" => |req, name, id: u32| 200;
    "/async/{id}" => async |id| load(id).await;
}
