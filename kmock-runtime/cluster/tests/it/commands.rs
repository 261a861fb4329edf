//! Containers of which nobody said anything do what their command says, where it is a plain one.

use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use serde_json::{Value, json};

use crate::world::{PODS, World, condition, live, pod};

fn commanded(command: Value) -> Value {
    let mut pod = pod("a", "busybox:1.36");
    pod["spec"]["containers"][0]["command"] = command;
    pod["spec"]["containers"][0]["env"] = json!([{"name": "NAME", "value": "john"}]);
    pod["spec"]["restartPolicy"] = json!("Never");
    pod
}

/// The phase, the exit code and the log of a Pod that does a command, once nothing moves.
async fn done(w: &World, command: Value) -> (String, i64, String) {
    w.ask(&format!("POST {PODS}"), commanded(command)).await;
    w.settle().await;
    let pod = w.get("pods", "a");
    let log = w.life.log("default/a", "c", false).expect("it ran");
    let code = &pod["status"]["containerStatuses"][0]["state"]["terminated"]["exitCode"];
    let phase = pod["status"]["phase"].as_str().expect("a phase").to_owned();
    w.ask(
        &format!("DELETE {PODS}/a?gracePeriodSeconds=0"),
        Value::Null,
    )
    .await;
    w.settle().await;
    (phase, code.as_i64().unwrap_or(-1), log)
}

#[test]
fn plain_commands_end_with_their_code() {
    live(1, |w| async move {
        for (command, phase, code, log) in [
            (json!(["true"]), "Succeeded", 0, ""),
            (json!(["/bin/false"]), "Failed", 1, ""),
            (
                json!(["echo", "hello $(NAME)"]),
                "Succeeded",
                0,
                "hello john\n",
            ),
            (json!(["sleep", "5"]), "Succeeded", 0, ""),
            (
                json!(["sh", "-c", "echo hi $NAME; exit 3"]),
                "Failed",
                3,
                "hi john\n",
            ),
            (json!(["cat"]), "Succeeded", 0, ""),
            (json!(["sh"]), "Succeeded", 0, ""),
            (
                json!(["cat", "/none"]),
                "Failed",
                1,
                "cat: /none: No such file or directory\n",
            ),
        ] {
            assert_eq!(
                done(&w, command.clone()).await,
                (phase.into(), code, log.into()),
                "{command}"
            );
        }
    });
}

#[test]
fn scripts_are_run() {
    live(1, |w| async move {
        for (script, code, log) in [
            (
                "for i in $(seq 1 3); do echo kube $i; sleep 0.1; done",
                0,
                "kube 1\nkube 2\nkube 3\n",
            ),
            (
                "false || echo a; true && echo b; false && echo c; echo $?",
                0,
                "a\nb\n1\n",
            ),
            ("set -e; echo a; false; echo b", 1, "a\n"),
            (
                "A=; [ \"\" = '' ] && echo a; [[ $A == \"\" ]] && echo b; [[ \"$(cat /none 2>/dev/null)\" == \"\" ]] && echo c; for i in \"\" x; do echo \"<$i>\"; done",
                0,
                "a\nb\nc\n<>\n<x>\n",
            ),
            (
                "set -e; if false; then echo a; else echo b; fi; false || true; echo c",
                0,
                "b\nc\n",
            ),
            (
                "i=0; while [ $i -lt 3 ]; do i=$((i + 1)); [ $i = 2 ] && continue; echo $i; done",
                0,
                "1\n3\n",
            ),
            (
                "echo \"${WHO:-nobody} and '$NAME'\" > /tmp/a; cat < /tmp/a; echo x >> /tmp/a; wc -l /tmp/a",
                0,
                "nobody and 'john'\n2 /tmp/a\n",
            ),
            (
                "echo lost > /dev/null; echo err >&2; cat /none 2>/dev/null || exit 7",
                7,
                "err\n",
            ),
            (
                "echo a b c | { read x y; echo $y; }; X=$(echo out; exit 4); echo $X $?",
                0,
                "b c\nout 4\n",
            ),
            (
                "trap 'echo bye' EXIT; (exit 5); echo $?; exit 6",
                6,
                "5\nbye\n",
            ),
            ("date +%Y", 0, "2026\n"),
            (
                "if [ $(expr 7 % 2) -ne 0 ]; then echo odd; fi; expr 2 + 3 \\* 4; expr a = b || expr 9 - 9",
                1,
                "odd\n14\n0\n0\n",
            ),
            (
                "[[ -r /none ]] || echo none; [[ a == a ]] && exit $(( $RANDOM / 32768 ))",
                0,
                "none\n",
            ),
            (
                "for i in 1 2 3; do for j in a b; do [ $i$j = 2a ] && break 2; echo $i$j; done; done",
                0,
                "1a\n1b\n",
            ),
            (
                "greet() { echo \"hi $1\"; return 3; }; greet john; echo $?",
                0,
                "hi john\n3\n",
            ),
            (
                "case abc in x) echo x;; a*|b) echo a;; *) echo other;; esac",
                0,
                "a\n",
            ),
            (
                "A=/etc/conf.d/a.yaml; echo ${A##*/} ${A%.yaml} ${#A} ${B:-none} ${A:+set} ${A/etc/opt}",
                0,
                "a.yaml /etc/conf.d/a 18 none set /opt/conf.d/a.yaml\n",
            ),
            (
                "cat <<EOF > /tmp/a\nI am $NAME\nEOF\ncat /tmp/a; printf 'b1\\na2\\n' | sort | cut -c1",
                0,
                "I am john\na\nb\n",
            ),
            (
                "echo 1 > /x/a; cp /x/a /x/b; mv /x/a /x/c; chmod 0600 /x/b; find /x -type f; stat -c %A /x/b",
                0,
                "/x/b\n/x/c\n-rw-------\n",
            ),
            (
                "id -u; whoami; basename /a/b.txt .txt; echo -n aGk= | base64 -d; echo ${NONE:?is missing}; echo no",
                2,
                "0\nroot\nb\nhish: NONE: is missing\n",
            ),
            (
                "printf '%s=%d\\n' a 1 b 2; echo yes | grep -q '^y' && echo found",
                0,
                "a=1\nb=2\nfound\n",
            ),
        ] {
            let (_, ended, said) = done(&w, json!(["sh", "-c", script])).await;
            assert_eq!((ended, said.as_str()), (code, log), "{script}");
        }
        let (_, code, log) = done(
            &w,
            json!([
                "sh",
                "-ec",
                "echo $1 $#; nowhere=$2; [ -z \"$nowhere\" ]",
                "name",
                "one"
            ]),
        )
        .await;
        assert_eq!((code, log.as_str()), (0, "one 1\n"));
    });
}

#[test]
fn what_is_there_to_be_there_is_not_waited_for() {
    live(1, |w| async move {
        for command in [
            json!(["sleep", "3600"]),
            json!(["sleep", "infinity"]),
            json!(["tail", "-f", "/dev/null"]),
            json!(["sh", "-c", "while true; do echo tick; sleep 5; done"]),
            json!(["sh", "-c", "echo started; exec sleep 1d"]),
        ] {
            let begin = tokio::time::Instant::now();
            let (phase, ..) = done(&w, command.clone()).await;
            assert_eq!(phase, "Running", "{command}");
            assert!(
                begin.elapsed() < Duration::from_secs(60),
                "{command}: {:?}",
                begin.elapsed()
            );
        }
    });
}

#[test]
fn a_command_that_is_not_known_is_told_and_the_container_just_runs() {
    live(1, |w| async move {
        for (command, why) in [
            (
                json!(["/app/server", "--port=80"]),
                "kmock does not know the command /app/server",
            ),
            (
                json!(["sh", "-c", "echo a; sed s/a/b/ /c"]),
                "kmock does not know the command sed",
            ),
            (
                json!(["sh", "-c", "select a in b; do :; done"]),
                "kmock's shell does not know `select`",
            ),
            (
                json!(["sh", "-c", "server & wait"]),
                "kmock's shell does not know `&`: commands in the background",
            ),
        ] {
            let (phase, _, log) = done(&w, command.clone()).await;
            assert_eq!(phase, "Running", "{command}");
            let expected = format!(
                "kmock: the command of this container is not run, it just runs: {why}; say what it does with image(\"busybox:1.36\")\n"
            );
            assert_eq!(log, expected);
        }
        // The arguments of the image's own program are its own affair, and so is all of an image that was declared.
        let mut own = commanded(json!(null));
        own["spec"]["containers"][0]["args"] = json!(["--port", "80"]);
        w.ask(&format!("POST {PODS}"), own).await;
        w.life.image("declared").log("as declared\n");
        let mut declared = commanded(json!(["false"]));
        declared["metadata"]["name"] = json!("b");
        declared["spec"]["containers"][0]["image"] = json!("declared");
        w.ask(&format!("POST {PODS}"), declared).await;
        w.settle().await;
        assert_eq!(w.life.log("default/a", "c", false).as_deref(), Some(""));
        assert_eq!(
            w.life.log("default/b", "c", false).as_deref(),
            Some("as declared\n")
        );
        assert_eq!(w.get("pods", "b")["status"]["phase"], "Running");
    });
}

#[test]
fn tokens_of_accounts_are_files() {
    live(1, |w| async move {
        let mut pod = pod("a", "web");
        pod["spec"]["serviceAccountName"] = json!("default");
        pod["spec"]["volumes"] = json!([{"name": "t", "projected": {"sources": [
            {"serviceAccountToken": {"path": "token", "audience": "vault", "expirationSeconds": 600}},
        ]}}]);
        pod["spec"]["containers"][0]["volumeMounts"] = json!([{"name": "t", "mountPath": "/t"}]);
        w.ask(&format!("POST {PODS}"), pod).await;
        w.settle().await;
        let container = w.life.container("default/a", "c").expect("it runs");
        let token = container.file("/t/token").expect("a token");
        assert_eq!(container.file("/t/token"), Some(token.clone()));
        assert_eq!(container.files(), ["/t/token"]);
        let token = String::from_utf8(token.to_vec()).expect("text");
        let review = json!({"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "spec": {"token": token, "audiences": ["vault"]}});
        let path = "POST /apis/authentication.k8s.io/v1/tokenreviews";
        let status = w.ask(path, review).await["status"].clone();
        assert_eq!(
            status["user"]["username"],
            "system:serviceaccount:default:default"
        );
        let extra = &status["user"]["extra"];
        assert_eq!(extra["authentication.kubernetes.io/pod-name"], json!(["a"]));
        assert_eq!(
            extra["authentication.kubernetes.io/node-name"],
            json!(["n1"])
        );
    });
}

/// A Pod of two containers and one before them, with a volume that all of them see.
fn sharing(volume: Value) -> Value {
    let mut pod = pod("a", "busybox");
    let mounts = json!([{"name": "data", "mountPath": "/data"}]);
    let container = |name: &str, script: &str| json!({"name": name, "image": "busybox", "command": ["sh", "-c", script], "volumeMounts": mounts});
    pod["spec"]["restartPolicy"] = json!("OnFailure");
    pod["spec"]["volumes"] = json!([volume]);
    pod["spec"]["initContainers"] = json!([container("first", "[ -d /data ] && echo 1 > /data/a")]);
    pod["spec"]["containers"] = json!([
        container(
            "c",
            "cat /data/a; [[ -r /data/b ]] && exit 0; touch /data/b; exit 1"
        ),
        container("d", "until [ -e /data/b ]; do sleep 1; done; ls /data"),
    ]);
    pod
}

#[test]
fn volumes_are_seen_by_all_containers_and_outlive_them() {
    live(1, |w| async move {
        let run = async |volume: Value| {
            w.ask(&format!("POST {PODS}"), sharing(volume)).await;
            w.settle().await;
            let pod = w.get("pods", "a");
            let log = |name: &str| w.life.log("default/a", name, false).expect("it ran");
            let said = (log("c"), log("d"));
            w.ask(
                &format!("DELETE {PODS}/a?gracePeriodSeconds=0"),
                Value::Null,
            )
            .await;
            w.settle().await;
            let restarts = pod["status"]["containerStatuses"][0]["restartCount"].clone();
            (pod["status"]["phase"].clone(), restarts, said)
        };
        let once = (
            json!("Succeeded"),
            json!(1),
            ("1\n".to_owned(), "a\nb\n".to_owned()),
        );
        let empty = json!({"name": "data", "emptyDir": {}});
        assert_eq!(run(empty.clone()).await, once);
        // It goes with its Pod.
        assert_eq!(run(empty).await, once);
        let host = json!({"name": "data", "hostPath": {"path": "/var/data"}});
        assert_eq!(run(host.clone()).await, once);
        // It stays on the node.
        assert_eq!(run(host).await.1, json!(0));
    });
}

#[test]
fn a_script_may_be_stopped_and_may_come_from_a_volume() {
    live(1, |w| async move {
        let script = "#!/bin/sh\ntrap 'echo stopping; exit 0' TERM\necho \"up $1\"\nwhile true; do sleep 1; done\n";
        let config = json!({"metadata": {"name": "scripts"}, "data": {"run.sh": script}});
        w.ask("POST /api/v1/namespaces/default/configmaps", config)
            .await;
        let mut pod = commanded(json!(["/scripts/run.sh", "now"]));
        pod["spec"]["containers"][0]["volumeMounts"] =
            json!([{"name": "s", "mountPath": "/scripts"}]);
        pod["spec"]["volumes"] =
            json!([{"name": "s", "configMap": {"name": "scripts", "defaultMode": 0o755}}]);
        pod["metadata"]["finalizers"] = json!(["test.example.com/keep"]);
        w.ask(&format!("POST {PODS}"), pod).await;
        w.settle().await;
        assert_eq!(
            w.life.log("default/a", "c", false).as_deref(),
            Some("up now\n")
        );
        w.ask(&format!("DELETE {PODS}/a"), Value::Null).await;
        w.settle().await;
        assert_eq!(
            w.life.log("default/a", "c", false).as_deref(),
            Some("up now\nstopping\n")
        );
        assert_eq!(w.get("pods", "a")["status"]["phase"], "Succeeded");
    });
}

#[test]
fn the_example_of_a_liveness_command_restarts() {
    live(1, |w| async move {
        let script = "touch /tmp/healthy; sleep 30; rm -f /tmp/healthy; sleep 600";
        let mut pod = commanded(json!(["/bin/sh", "-c", script]));
        pod["spec"]["restartPolicy"] = json!("Always");
        pod["spec"]["containers"][0]["livenessProbe"] = json!({"exec": {"command": ["cat", "/tmp/healthy"]}, "initialDelaySeconds": 5, "periodSeconds": 5});
        w.ask(&format!("POST {PODS}"), pod).await;
        tokio::time::sleep(Duration::from_secs(29)).await;
        assert_eq!(
            w.get("pods", "a")["status"]["containerStatuses"][0]["restartCount"],
            0
        );
        tokio::time::sleep(Duration::from_secs(50)).await;
        let pod = w.get("pods", "a");
        assert_eq!(pod["status"]["containerStatuses"][0]["restartCount"], 1);
        assert_eq!(condition(&pod, "Ready"), "True");
        let events = w.events("Pod");
        let said = "Unhealthy Liveness probe failed: cat: /tmp/healthy: No such file or directory";
        assert!(events.iter().any(|event| event == said), "{events:#?}");
    });
}

#[test]
fn scripts_reach_what_containers_serve() {
    live(1, |w| async move {
        w.life.image("web").run(async |c| {
            let service = tower::service_fn(|request: Request<Full<Bytes>>| async move {
                let text = format!("you asked for {}\n", request.uri());
                Ok::<_, std::convert::Infallible>(Response::new(Full::new(Bytes::from(text))))
            });
            c.serve(8080, service).await;
        });
        let mut web = pod("web", "web");
        web["metadata"]["labels"] = json!({"app": "web"});
        w.ask(&format!("POST {PODS}"), web).await;
        let service = json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"}, "spec": {
            "selector": {"app": "web"}, "ports": [{"port": 80, "targetPort": 8080}],
        }});
        w.ask("POST /api/v1/namespaces/default/services", service)
            .await;
        w.settle().await;
        for (script, code, log) in [
            ("wget -qO- web:80/a?b", 0, "you asked for /a?b\n"),
            (
                "curl -s http://web.default.svc.cluster.local/x",
                0,
                "you asked for /x\n",
            ),
            (
                "nc -z web 80 && nc -z web 81; echo $?",
                0,
                "nc: web (web:81): Connection refused\n1\n",
            ),
            (
                "curl http://none",
                6,
                "curl: (6) Could not resolve host: none\n",
            ),
            (
                "wget -q web:81 -O /tmp/a",
                1,
                "wget: can't connect to remote host (web:81): Connection refused\n",
            ),
            (
                "curl -sk -o /dev/null -w '%{http_code}\\n' https://kubernetes.default.svc/healthz",
                0,
                "200\n",
            ),
        ] {
            let (_, ended, said) = done(&w, json!(["sh", "-c", script])).await;
            assert_eq!((ended, said.as_str()), (code, log), "{script}");
        }
    });
}

#[test]
fn the_program_of_an_image_may_be_a_script() {
    live(1, |w| async move {
        w.life
            .image("greeter")
            .script("echo \"hello ${1:-nobody}\"; exit 4");
        for (fields, log) in [
            (json!({}), "hello nobody\n"),
            (json!({"args": ["john"]}), "hello john\n"),
            (
                json!({"command": ["echo", "own"], "args": ["john"]}),
                "own john\n",
            ),
        ] {
            let mut body = pod("a", "greeter");
            body["spec"]["restartPolicy"] = json!("Never");
            for (name, value) in fields.as_object().expect("an object") {
                body["spec"]["containers"][0][name.as_str()] = value.clone();
            }
            w.ask(&format!("POST {PODS}"), body).await;
            w.settle().await;
            let said = w.life.log("default/a", "c", false).expect("it ran");
            assert_eq!(said, log);
            w.ask(&format!("DELETE {PODS}/a"), Value::Null).await;
            w.settle().await;
        }
    });
}
