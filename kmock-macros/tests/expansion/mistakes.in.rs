kmock! { k, GTE "/x" => 200; GET "/good" => 200; GET "/y" => 1sec; }
