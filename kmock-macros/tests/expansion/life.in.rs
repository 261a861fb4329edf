kmock! { k,
    node "worker-{1..=3}" { cpu: 4, memory: "8Gi", zone: "a", label: { "disk": "ssd" }, taint: ["gpu=yes:NoSchedule"] };
    image "postgres:*" => ready after 5s, log "accepting connections\n";
    image "migrate" => exit(0) after 30s;
    let flaky = image "flaky" [..2] => exit(1), log "no database\n";
    image "web" [0] => pull fails "no such tag";
    image (name) => async |c| c.stopped().await, exec |command, io| serve(command, io);
    image "job" => run_job;
    stage "certificates.cert-manager.io" when { "spec": {} } after 2s..5s => status { "ready": true };
    stage "locks.example.com" named "old-*" => delete;
}
