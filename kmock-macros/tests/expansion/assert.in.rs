assert_requests!(k, total == 2, "get" == 1, POST "/hello" >= 1, "post" in 1..=3, hello == 1, rules[0] != 0, list "v1/pods" in "a" < 3, json { "a": 1 } <= n + 1, GET > 0)
