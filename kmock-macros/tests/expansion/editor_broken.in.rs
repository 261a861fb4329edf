kmock! { k, GET "/x" => |req| req.; GE "/y" => 200; GET "/good" => 200; }
