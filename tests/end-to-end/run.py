#!/usr/bin/env python3
"""Kubernetes' own end-to-end suite against `kmock serve`.

    tests/end-to-end/run.py --kmock target/debug/kmock --suite e2e.test SET…
    tests/end-to-end/run.py … --focus 'Garbage collector' --keep DIR

`e2e.test` is Kubernetes' own program (`go test -c ./test/e2e`). A SET is one of those of `sets.py`; the specs that it
names are dealt out to servers of their own, which live with three nodes, accounts, RBAC and TLS. Printed is what failed and
why; `--keep DIR` keeps the logs and a `result.json`. The standard library of Python is all that it needs.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import threading

import sets

HERE = os.path.dirname(os.path.abspath(__file__))
SERVER = ["serve", "--cluster", "--nodes", "3", "--rbac", "--tls", "--enable-admission-plugins", "ServiceAccount"]
# A spec that waits for longer waits for something that does not come: in kmock things move at once.
LIMIT = os.environ.get("E2E_NODE_TIMEOUT", "40s")
SUITE = [
    "--provider=skeleton",
    "--num-nodes=3",
    "--dump-logs-on-failure=false",
    "--delete-namespace=true",
    "--ginkgo.no-color",
    "--ginkgo.timeout=40m",
    "--ginkgo.flake-attempts=1",
    "--ginkgo.grace-period=5s",
]


def pattern(focus, skip):
    return [f"--ginkgo.focus={one}" for one in focus] + [f"--ginkgo.skip={one}" for one in skip]


def full(spec):
    return " ".join([*(spec["ContainerHierarchyTexts"] or []), spec["LeafNodeText"]])


def listed(suite, focus, skip):
    """The names of the specs that would run."""
    with tempfile.TemporaryDirectory() as scratch:
        where = os.path.join(scratch, "list.json")
        arguments = [suite, *SUITE, "--ginkgo.dry-run", f"--ginkgo.json-report={where}", *pattern(focus, skip)]
        said = subprocess.run(arguments, stdin=subprocess.DEVNULL, capture_output=True, text=True)
        if not os.path.exists(where):
            sys.exit(f"{suite} lists nothing: {said.stdout[-2000:]}{said.stderr[-2000:]}")
        report = json.load(open(where))
    specs = [spec for suite in report for spec in suite["SpecReports"] or [] if spec["LeafNodeType"] == "It"]
    return [full(spec) for spec in specs if spec["State"] == "passed"]


def run(number, names, options, keep, results):
    """A server, and the specs that are its own."""
    home = os.path.join(keep, str(number))
    os.makedirs(home, exist_ok=True)
    kubeconfig = os.path.join(home, "kubeconfig")
    report = os.path.join(home, "report.json")
    with open(os.path.join(home, "kmock.log"), "wb") as log, open(os.path.join(home, "e2e.log"), "wb") as told:
        arguments = [options.kmock, *SERVER, "--images", os.path.join(HERE, "images.yaml"), "--kubeconfig", kubeconfig]
        server = subprocess.Popen([*arguments, *options.more], stdout=subprocess.PIPE, stderr=log, stdin=subprocess.DEVNULL)
        try:
            if not server.stdout.readline():
                sys.exit(f"{options.kmock} serve did not start: see {home}")
            drain = threading.Thread(target=lambda: log.writelines(server.stdout), daemon=True)
            drain.start()
            focus = [f" {re.escape(name)}$" for name in names]
            arguments = [options.suite, *SUITE, f"--kubeconfig={kubeconfig}", f"--ginkgo.json-report={report}", "-v=1"]
            if options.kubectl:
                arguments.append(f"--kubectl-path={options.kubectl}")
            environment = {**os.environ, "E2E_NODE_TIMEOUT": LIMIT}
            arguments = ["nice", "-n", "5", *arguments, *pattern(focus, [])]
            subprocess.run(arguments, stdout=told, stderr=told, stdin=subprocess.DEVNULL, env=environment, cwd=home)
        finally:
            server.terminate()
            server.wait(20)
    if not os.path.exists(report):
        results.append({"name": f"(shard {number})", "state": "broken", "why": f"no report: see {home}"})
        return
    for suite in json.load(open(report)):
        for reason in suite.get("SpecialSuiteFailureReasons") or []:
            results.append({"name": f"(shard {number})", "state": "broken", "why": reason})
        for spec in suite["SpecReports"] or []:
            if spec["LeafNodeType"] == "It" and spec["State"] in ("passed", "failed", "timedout", "panicked", "interrupted", "aborted"):
                results.append(told_of(spec, number))
            elif spec["LeafNodeType"] == "It" and spec["State"] == "skipped" and (spec.get("Failure") or {}).get("Message"):
                results.append({**told_of(spec, number), "state": "skipped"})


def told_of(spec, number):
    failure = spec.get("Failure") or {}
    where = failure.get("Location") or {}
    return {
        "name": full(spec),
        "state": spec["State"],
        "seconds": round(spec["RunTime"] / 1e9, 1),
        "shard": number,
        "why": failure.get("Message", ""),
        "where": f"{where.get('FileName', '')}:{where.get('LineNumber', '')}",
        "log": spec.get("CapturedGinkgoWriterOutput", "") if spec["State"] not in ("passed", "skipped") else "",
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kmock", default=os.environ.get("KMOCK", "target/debug/kmock"))
    parser.add_argument("--suite", default=os.environ.get("E2E_TEST", "e2e.test"))
    parser.add_argument("--kubectl", default=os.environ.get("KUBECTL"))
    parser.add_argument("--shards", type=int, default=6)
    parser.add_argument("--focus", action="append", default=[])
    parser.add_argument("--skip", action="append", default=[])
    parser.add_argument("--failed", help="a result.json: only what failed there")
    parser.add_argument("--keep", help="a directory for the logs")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--more", action="append", default=[], help="an argument of kmock serve")
    parser.add_argument("sets", nargs="*", choices=[[], *sets.ALL])
    options = parser.parse_args()
    options.kmock, options.suite = os.path.abspath(options.kmock), os.path.abspath(options.suite)
    if options.failed:
        names = [one["name"] for one in json.load(open(options.failed)) if one["state"] not in ("passed", "skipped")]
        names = [name for name in names if not name.startswith("(shard")]
    else:
        names = []
        for name in options.sets:
            focus, skip = sets.ALL[name]
            names += listed(options.suite, focus, [*skip, *sets.NEVER, *options.skip])
        if options.focus:
            names += listed(options.suite, options.focus, options.skip)
    names = list(dict.fromkeys(names))
    if options.list:
        print("\n".join(names))
        return
    keep = os.path.abspath(options.keep or tempfile.mkdtemp(prefix="end-to-end-"))
    os.makedirs(keep, exist_ok=True)
    results, threads = [], []
    shards = max(1, min(options.shards, len(names)))
    for number in range(shards):
        threads.append(threading.Thread(target=run, args=(number, names[number::shards], options, keep, results)))
        threads[-1].start()
    for thread in threads:
        thread.join()
    results.sort(key=lambda one: one["name"])
    json.dump(results, open(os.path.join(keep, "result.json"), "w"), indent=1)
    bad = [one for one in results if one["state"] not in ("passed", "skipped")]
    for one in bad:
        print(f"{one['state'].upper()} {one['name']}\n    {one.get('where', '')}\n    " + one["why"][:700].replace("\n", "\n    "))
    count = lambda state: sum(one["state"] == state for one in results)
    print(f"{count('passed')} passed, {len(bad)} failed, {count('skipped')} skipped, of {len(names)}; logs in {keep}")
    sys.exit(bool(bad))


if __name__ == "__main__":
    main()
