fn expansion() {
    {
        #[allow(clippy::needless_borrow)]
        kmock::__private::assert_requests(
            ::std::vec::Vec::from([
                <kmock::Check>::rule(&hello, <kmock::Times>::exactly(1), "hello == 1"),
                <kmock::Check>::rule(&never, <kmock::Times>::exactly(0), "never == 0"),
            ]),
        );
    }
}
