//! What kube-rs does with running containers: commands, attaching, forwarded ports, logs that are followed.

use std::time::Duration;

use futures::{AsyncBufReadExt, TryStreamExt};
use k8s_openapi::api::core::v1::Pod;
use kmock::prelude::*;
use kube::{
    Api,
    api::{AttachParams, DeleteParams, EvictParams, LogParams, PostParams, TerminalSize},
    runtime::wait::{Condition, await_condition, conditions, delete::delete_and_finalize},
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

fn pod(image: &str) -> Pod {
    let pod = json!({
        "metadata": {"name": "web"},
        "spec": {"containers": [{"name": "main", "image": image, "stdin": true}]},
    });
    serde_json::from_value(pod).expect("a Pod")
}

/// A Pod whose container runs.
async fn running(k: &KMock, image: &str) -> Api<Pod> {
    let pods: Api<Pod> = Api::default_namespaced(k.client());
    let made = pods.create(&PostParams::default(), &pod(image)).await;
    made.expect("created");
    k.settle().await;
    pods
}

#[kmock::test(start_paused, nodes = 1)]
async fn a_command_has_its_streams_and_its_exit_code(k: KMock) {
    k.image("db").exec(async |command, mut io| {
        io.write(format!("{command:?}\n")).await;
        while let Some(line) = io.line().await {
            if line == "bad" {
                io.write_error("no such table\n").await;
                return Err("gave up");
            }
            io.write(format!("{line}!\n")).await;
        }
        Ok(7)
    });
    let pods = running(&k, "db").await;
    for (lines, stdout, stderr, exit) in [
        ("a\nb", "[\"psql\", \"-x\"]\na!\nb!\n", "", "7"),
        (
            "bad\n",
            "[\"psql\", \"-x\"]\n",
            "no such table\nError: gave up\n",
            "1",
        ),
    ] {
        let params = AttachParams::default().stdin(true);
        let mut process = pods
            .exec("web", ["psql", "-x"], &params)
            .await
            .expect("upgraded");
        let mut stdin = process.stdin().expect("asked for");
        stdin.write_all(lines.as_bytes()).await.expect("written");
        stdin.shutdown().await.expect("closed");
        drop(stdin);
        let (mut out, mut err) = (String::new(), String::new());
        let (mut stdout_of, mut stderr_of) = (
            process.stdout().expect("out"),
            process.stderr().expect("err"),
        );
        let status = process.take_status().expect("the first time");
        stdout_of.read_to_string(&mut out).await.expect("read");
        stderr_of.read_to_string(&mut err).await.expect("read");
        assert_eq!((out.as_str(), err.as_str()), (stdout, stderr));
        let status = status.await.expect("told");
        assert_eq!(status.reason.as_deref(), Some("NonZeroExitCode"));
        let causes = status
            .details
            .and_then(|details| details.causes)
            .unwrap_or_default();
        assert_eq!(causes[0].message.as_deref(), Some(exit));
        process.join().await.expect("ended well");
    }
}

#[kmock::test(start_paused, nodes = 1)]
async fn a_terminal_has_a_size(k: KMock) {
    k.image("shell").exec(async |_, mut io| {
        assert!(io.is_terminal());
        while let Some((width, height)) = io.resized().await {
            io.write(format!("{width}x{height}\n")).await;
            if width == 132 {
                break;
            }
        }
    });
    let pods = running(&k, "shell").await;
    let params = AttachParams::interactive_tty();
    let mut process = pods.exec("web", ["sh"], &params).await.expect("upgraded");
    let mut sizes = process.terminal_size().expect("a terminal");
    let mut lines = tokio::io::BufReader::new(process.stdout().expect("out"));
    for (width, height) in [(80, 25), (132, 43)] {
        use futures::SinkExt;
        sizes
            .send(TerminalSize { width, height })
            .await
            .expect("sent");
        let mut line = String::new();
        tokio::io::AsyncBufReadExt::read_line(&mut lines, &mut line)
            .await
            .expect("read");
        assert_eq!(line, format!("{width}x{height}\r\n"));
    }
    let status = process.take_status().expect("the first time").await;
    assert_eq!(
        status.and_then(|status| status.status).as_deref(),
        Some("Success")
    );
}

#[kmock::test(start_paused, nodes = 1)]
async fn who_is_attached_sees_and_sends(k: KMock) {
    k.image("echo").run(async |c| {
        c.log("before\n");
        let mut input = c.stdin().expect("the only one");
        while let Some(line) = input.line().await {
            c.log(format!("heard {line}\n"));
            if line == "bye" {
                break;
            }
        }
    });
    let mut quick = pod("echo");
    quick.spec.as_mut().expect("a spec").restart_policy = Some("Never".into());
    let pods: Api<Pod> = Api::default_namespaced(k.client());
    pods.create(&PostParams::default(), &quick)
        .await
        .expect("created");
    k.settle().await;
    let params = AttachParams::default().stdin(true).stderr(false);
    let mut process = pods.attach("web", &params).await.expect("upgraded");
    let mut stdin = process.stdin().expect("asked for");
    stdin.write_all(b"hello\nbye\n").await.expect("written");
    let mut shown = String::new();
    process
        .stdout()
        .expect("out")
        .read_to_string(&mut shown)
        .await
        .expect("read");
    assert_eq!(shown, "heard hello\nheard bye\n");
    k.settle().await;
    assert_eq!(
        k.objects().get("pods", "web").expect("there")["status"]["phase"],
        "Succeeded"
    );
}

#[kmock::test(start_paused, nodes = 1)]
async fn the_input_of_a_container_ends_with_the_first_who_attaches_where_it_says_so(k: KMock) {
    let mut once = pod("busybox");
    let spec = once.spec.as_mut().expect("a spec");
    spec.restart_policy = Some("Never".into());
    // As `kubectl run -i` makes it.
    spec.containers[0].stdin_once = Some(true);
    let script = "echo -n read: && cat && echo closed";
    spec.containers[0].args = Some(["sh", "-c", script].map(String::from).to_vec());
    let pods: Api<Pod> = Api::default_namespaced(k.client());
    let made = pods.create(&PostParams::default(), &once).await;
    made.expect("created");
    k.settle().await;
    let params = AttachParams::default().stdin(true).stderr(false);
    let mut process = pods.attach("web", &params).await.expect("upgraded");
    let mut stdin = process.stdin().expect("asked for");
    stdin.write_all(b"value\nabcd").await.expect("written");
    stdin.shutdown().await.expect("closed");
    drop(stdin);
    let mut shown = String::new();
    let mut out = process.stdout().expect("out");
    out.read_to_string(&mut shown).await.expect("read");
    k.settle().await;
    let log = k.life().log("default/web", "main", false);
    assert_eq!(log.as_deref(), Some("read:value\nabcdclosed\n"));
    let phase = &k.objects().get("pods", "web").expect("there")["status"]["phase"];
    assert_eq!(phase, "Succeeded");
}

/// As `kubectl run -i --leave-stdin-open`: who closes their input is let go, and the container reads on what others say.
#[kmock::test(start_paused, nodes = 1)]
async fn who_closes_their_input_is_let_go_where_it_stays_open(k: KMock) {
    let mut open = pod("busybox");
    let spec = open.spec.as_mut().expect("a spec");
    let script = "while read line; do echo got $line; done; echo closed";
    spec.containers[0].args = Some(["sh", "-c", script].map(String::from).to_vec());
    let pods: Api<Pod> = Api::default_namespaced(k.client());
    let made = pods.create(&PostParams::default(), &open).await;
    made.expect("created");
    k.settle().await;
    let params = AttachParams::default().stdin(true).stderr(false);
    for said in ["one", "two"] {
        let mut process = pods.attach("web", &params).await.expect("upgraded");
        let status = process.take_status().expect("the first time");
        let mut stdin = process.stdin().expect("asked for");
        let line = format!("{said}\n");
        stdin.write_all(line.as_bytes()).await.expect("written");
        stdin.shutdown().await.expect("closed");
        drop(stdin);
        let status = status.await.expect("let go");
        assert_eq!(status.status.as_deref(), Some("Success"));
        k.settle().await;
    }
    let log = k.life().log("default/web", "main", false);
    assert_eq!(log.as_deref(), Some("got one\ngot two\n"));
    let phase = &k.objects().get("pods", "web").expect("there")["status"]["phase"];
    assert_eq!(phase, "Running");
}

#[kmock::test(start_paused, nodes = 1)]
async fn plain_commands_are_there_and_others_are_told(k: KMock) {
    let pods = running(&k, "web").await;
    let params = AttachParams::default();
    let mut process = pods
        .exec("web", ["echo", "hi"], &params)
        .await
        .expect("upgraded");
    let mut out = String::new();
    process
        .stdout()
        .expect("out")
        .read_to_string(&mut out)
        .await
        .expect("read");
    assert_eq!(out, "hi\n");
    let mut process = pods
        .exec("web", ["emacs"], &params)
        .await
        .expect("upgraded");
    let status = process
        .take_status()
        .expect("the first time")
        .await
        .expect("told");
    let message = status.message.unwrap_or_default();
    assert!(
        message.starts_with("Internal error occurred: error executing command in container"),
        "{message}"
    );
    assert!(
        message.ends_with("exec: \"emacs\": executable file not found in $PATH"),
        "{message}"
    );
    let wrong = AttachParams::default().container("other");
    let refused = pods
        .exec("web", ["echo"], &wrong)
        .await
        .err()
        .map(|error| error.to_string());
    assert!(refused.is_some_and(|why| why.contains("400")));
}

#[kmock::test(start_paused, nodes = 1)]
async fn ports_lead_to_what_the_container_serves(k: KMock) {
    k.image("web").run(async |c| {
        let served = axum::Router::new().route("/", axum::routing::get(async || "hello"));
        c.serve(8080, served).await;
    });
    let pods = running(&k, "web").await;
    let mut forwarder = pods.portforward("web", &[8080, 9]).await.expect("upgraded");
    let mut stream = forwarder.take_stream(8080).expect("asked for");
    let why = forwarder
        .take_error(9)
        .expect("asked for")
        .await
        .expect("told");
    assert!(
        why.starts_with("error forwarding port 9 to pod default_web, uid ")
            && why.ends_with("connection refused"),
        "{why}"
    );
    stream
        .write_all(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        .await
        .expect("written");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("read");
    assert!(
        answer.starts_with("HTTP/1.1 200 OK") && answer.ends_with("\r\n\r\nhello"),
        "{answer}"
    );
}

#[kmock::test(start_paused, nodes = 1)]
async fn a_port_may_speak_any_protocol(k: KMock) {
    k.image("echo").run(async |c| {
        c.listen(7, async |mut connection| {
            let mut data = vec![0; 1 << 16];
            while let Ok(count @ 1..) = connection.read(&mut data).await {
                if connection.write_all(&data[..count]).await.is_err() {
                    return;
                }
            }
        })
        .await;
    });
    let pods = running(&k, "echo").await;
    let mut forwarder = pods.portforward("web", &[7]).await.expect("upgraded");
    let stream = forwarder.take_stream(7).expect("asked for");
    let (mut reader, mut writer) = tokio::io::split(stream);
    // More than fits into what is on the way.
    let sent: Vec<u8> = (0..1_000_000_u32).map(|number| number as u8).collect();
    let expected = sent.clone();
    let writing = async move { writer.write_all(&sent).await.map(|()| writer) };
    let reading = async move {
        let mut came = vec![0; 1_000_000];
        reader.read_exact(&mut came).await.map(|_| came)
    };
    let (written, came) = futures::future::join(writing, reading).await;
    assert!(written.is_ok());
    assert!(came.expect("read") == expected);
}

#[kmock::test(start_paused, nodes = 1)]
async fn logs_are_followed_to_their_end(k: KMock) {
    k.image("slow").run(async |c| {
        for number in 0..3 {
            c.log(format!("line {number}\n"));
            tokio::time::sleep(Duration::from_secs(60)).await;
        }
    });
    let mut slow = pod("slow");
    slow.spec.as_mut().expect("a spec").restart_policy = Some("Never".into());
    let pods: Api<Pod> = Api::default_namespaced(k.client());
    pods.create(&PostParams::default(), &slow)
        .await
        .expect("created");
    while k.life().log("default/web", "main", false).is_none() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let params = LogParams {
        follow: true,
        ..LogParams::default()
    };
    let lines = pods
        .log_stream("web", &params)
        .await
        .expect("a log")
        .lines();
    let lines: Vec<String> = lines.try_collect().await.expect("read");
    assert_eq!(lines, ["line 0", "line 1", "line 2"]);
}

/// A Pod of busybox that does a command, as kube-rs's own tests make them.
async fn busybox(k: &KMock, name: &str, script: &str) -> Api<Pod> {
    let pods: Api<Pod> = Api::default_namespaced(k.client());
    let pod = json!({
        "metadata": {"name": name},
        "spec": {
            "terminationGracePeriodSeconds": 1, "restartPolicy": "Never",
            "containers": [{"name": "busybox", "image": "busybox:stable", "command": ["sh", "-c", script]}],
        },
    });
    let pod = serde_json::from_value(pod).expect("a Pod");
    pods.create(&PostParams::default(), &pod)
        .await
        .expect("created");
    await_condition(pods.clone(), name, conditions::is_pod_running())
        .await
        .expect("it runs");
    pods
}

#[kmock::test(start_paused, nodes = 1)]
async fn a_shell_runs_scripts_and_what_is_typed(k: KMock) {
    let pods = busybox(&k, "shell", "sleep 30").await;
    let params = AttachParams::default().stderr(false);
    let command = ["sh", "-c", "for i in $(seq 1 3); do echo $i; done"];
    let mut process = pods
        .exec("shell", command, &params)
        .await
        .expect("upgraded");
    let mut out = String::new();
    let mut stdout = process.stdout().expect("out");
    stdout.read_to_string(&mut out).await.expect("read");
    process.join().await.expect("ended well");
    assert_eq!(out, "1\n2\n3\n");

    let mut process = pods
        .exec("shell", ["sh"], &params.stdin(true))
        .await
        .expect("upgraded");
    let mut stdin = process.stdin().expect("asked for");
    let mut lines = tokio::io::BufReader::new(process.stdout().expect("out"));
    stdin
        .write_all(b"echo test string 1\n")
        .await
        .expect("written");
    let mut line = String::new();
    tokio::io::AsyncBufReadExt::read_line(&mut lines, &mut line)
        .await
        .expect("read");
    assert_eq!(line, "test string 1\n");
    stdin.write_all(b"exit 1\n").await.expect("written");
    let status = process
        .take_status()
        .expect("the first time")
        .await
        .expect("told");
    assert_eq!(
        (status.status.as_deref(), status.reason.as_deref()),
        (Some("Failure"), Some("NonZeroExitCode"))
    );
}

#[kmock::test(start_paused, nodes = 1)]
async fn logs_of_a_script_are_followed_and_its_pod_evicted(k: KMock) {
    let script = "for i in $(seq 1 5); do echo kube $i; sleep 0.1; done";
    let pods = busybox(&k, "logs", script).await;
    let follow = LogParams {
        follow: true,
        ..LogParams::default()
    };
    let mut lines = pods
        .log_stream("logs", &follow)
        .await
        .expect("a log")
        .lines();
    let mut next = async || lines.try_next().await.expect("read");
    assert_eq!(next().await.as_deref(), Some("kube 1"));
    tokio::time::sleep(Duration::from_secs(1)).await;
    let whole = pods
        .logs("logs", &LogParams::default())
        .await
        .expect("a log");
    assert_eq!(whole, "kube 1\nkube 2\nkube 3\nkube 4\nkube 5\n");
    for number in 2..=5 {
        assert_eq!(next().await, Some(format!("kube {number}")));
    }
    assert_eq!(next().await, None);
    let evicted = pods
        .evict("logs", &EvictParams::default())
        .await
        .expect("evicted");
    assert!(evicted.code == 201 && evicted.is_success());
}

#[kmock::test(start_paused, nodes = 1)]
async fn conditions_of_a_running_pod_are_awaited(k: KMock) {
    let pods = busybox(&k, "ready", "sleep 20").await;
    let is_ready = |pod: Option<&Pod>| {
        let status = pod.and_then(|pod| pod.status.as_ref());
        let conditions = status.and_then(|status| status.conditions.as_ref());
        conditions.is_some_and(|all| {
            all.iter()
                .any(|one| one.type_ == "ContainersReady" && one.status == "True")
        })
    };
    let both = conditions::is_pod_running().and(is_ready);
    await_condition(pods.clone(), "ready", both)
        .await
        .expect("ready");
    delete_and_finalize(pods.clone(), "ready", &DeleteParams::default())
        .await
        .expect("deleted");
    assert!(pods.get_opt("ready").await.expect("asked").is_none());
}
