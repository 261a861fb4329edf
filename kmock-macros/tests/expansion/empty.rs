fn expansion() {
    {
        let __rules = <kmock::Rules>::new();
        __rules
    }
}
