kmock!(k, POST "/hello" => 201)
