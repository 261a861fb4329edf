fn expansion() {
    {
        kmock::__private::assert_requests(
            ::std::vec::Vec::from([
                <kmock::Check>::rule(
                    &hello,
                    <kmock::Times>::exactly(1),
                    ::core::stringify!(hello == 1),
                ),
                <kmock::Check>::rule(
                    &never,
                    <kmock::Times>::exactly(0),
                    ::core::stringify!(never == 0),
                ),
            ]),
        );
    }
}
