fn expansion() {
    {
        let mut __rules = <kmock::Rules>::new();
        __rules.add(<kmock::Rule>::on("get /").status(404));
        __rules
            .add(
                <kmock::Rule>::on(
                        <kmock::Filter>::verb("list")
                            & <kmock::Filter>::resource("v1/pods")
                            & <kmock::Filter>::namespace("default"),
                    )
                    .json(kmock::__private::json!({ "items" : [] })),
            );
        __rules
    }
}
