kmock! { "get /" => 404; list "v1/pods" in "default" => { "items": [] } }
