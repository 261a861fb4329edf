kmock! { k,
    #[priority(100)] GET "/" [0] >> &list >> tx.clone() >> |req| log(req) => 200;
    #[expect(1..)] override GET "/" [..3] => 201;
    #[never] fallback => 404;
    fallback { GET "/x" => 1.5; fallback { let deep = "/y" => "str"; } }
    in_order! { let first = POST "/a"; POST "/b"; }
    #[cfg(unix)] GET "/unix" => 200;
}
