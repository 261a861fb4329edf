kmock! { k,
    /// whoever asks first
    GET "/" => b"john";
    let hello = POST "/hello" => |req| json!({ "you-are": req.json()["name"] });
    let never = "/" => b"";
}
