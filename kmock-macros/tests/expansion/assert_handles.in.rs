assert_requests!(hello == 1, never == 0)
