fn expansion() {
    #[allow(clippy::needless_borrow)]
    let __kmock: &kmock::KMock = &k;
    let _ = __kmock
        .node("worker-{1..=3}")
        .cpu(4)
        .memory("8Gi")
        .zone("a")
        .label("disk", "ssd")
        .taint("gpu=yes:NoSchedule");
    let _ = __kmock
        .image("postgres:*")
        .ready_after(::core::time::Duration::from_secs(5))
        .log("accepting connections\n");
    let _ = __kmock
        .image("migrate")
        .exit(0)
        .after(::core::time::Duration::from_secs(30));
    let flaky = __kmock.image("flaky").runs(..2).exit(1).log("no database\n");
    let _ = __kmock.image("web").runs(0..=0).pull_fails("no such tag");
    let _ = __kmock
        .image(&name)
        .run(async move |c| c.stopped().await)
        .exec(async move |command, io| serve(command, io));
    let _ = __kmock.image("job").run(run_job);
    let _ = __kmock
        .stage("certificates.cert-manager.io")
        .when(kmock::__private::json!({ "spec" : {} }))
        .between(
            ::core::time::Duration::from_secs(2),
            ::core::time::Duration::from_secs(5),
        )
        .status(kmock::__private::json!({ "ready" : true }));
    let _ = __kmock.stage("locks.example.com").named("old-*").delete();
}
