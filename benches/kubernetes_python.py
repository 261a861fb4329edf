#!/usr/bin/env python3
"""The Kubernetes half beside the Python original: create, GET and list over one kept connection.

    cargo build --release -p kmock --features cli
    python3 -m venv venv && venv/bin/pip install kmock
    venv/bin/python benches/kubernetes_python.py target/release/kmock

Each figure is the median of the requests of one plain blocking socket. kmock-py keeps no versions, uids or managed fields;
what it does for a request is a part of what kmock does for it. Its requests take longer the more of them it has seen, so it is
asked for 50 objects only. `taskset -c 0` before it all keeps wake-ups between cores out of the figures.
"""
import asyncio, json, socket, statistics, subprocess, sys, threading, time

MAPS = "/api/v1/namespaces/default/configmaps"


def exchange(sock, method, path, body=None):
    raw = b"" if body is None else json.dumps(body).encode()
    head = f"{method} {path} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: {len(raw)}\r\n\r\n"
    sock.sendall(head.encode() + raw)
    data = b""
    while b"\r\n\r\n" not in data:
        data += sock.recv(1 << 20)
    top, rest = data.split(b"\r\n\r\n", 1)
    headers = dict(l.split(": ", 1) for l in top.decode().lower().split("\r\n")[1:])
    if "content-length" in headers:
        parts, missing = [rest], int(headers["content-length"]) - len(rest)
        while missing > 0:
            parts.append(sock.recv(1 << 20))
            missing -= len(parts[-1])
        rest = b"".join(parts)
    else:
        while not rest.endswith(b"0\r\n\r\n"):
            rest += sock.recv(1 << 20)
    return int(top.split()[1]), rest


def timed(times, call):
    took = []
    for n in range(times):
        start = time.perf_counter()
        status, _ = call(n)
        took.append(time.perf_counter() - start)
        assert status < 300, status
    return statistics.median(took) * 1e6


def measure(address, objects):
    host, port = address.rsplit(":", 1)
    sock = socket.create_connection((host, int(port)))
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    made = lambda n: {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": f"m{n}", "namespace": "default"}, "data": {"k": "v"}}
    create = timed(objects, lambda n: exchange(sock, "POST", MAPS, made(n)))
    get = timed(objects * 2, lambda n: exchange(sock, "GET", f"{MAPS}/m{n % objects}"))
    listed = timed(10, lambda n: exchange(sock, "GET", MAPS))
    return create, get, listed


def python_original(objects):
    import kmock

    ready, stop = threading.Event(), threading.Event()
    found = {}

    async def serve():
        async with kmock.KubernetesEmulator(limit=1_000_000) as handler, kmock.Server(handler) as server:
            found["address"] = str(server.url).removeprefix("http://").rstrip("/")
            ready.set()
            while not stop.is_set():
                await asyncio.sleep(0.05)

    thread = threading.Thread(target=lambda: asyncio.run(serve()), daemon=True)
    thread.start()
    ready.wait(10)
    try:
        return measure(found["address"], objects)
    finally:
        stop.set()


def rust(binary, objects):
    server = subprocess.Popen([binary, "serve"], stdout=subprocess.PIPE, text=True)
    try:
        return measure(server.stdout.readline().strip().removeprefix("listening on http://"), objects)
    finally:
        server.terminate()


def main():
    print("| server, objects | create | GET | list of all |\n|---|---|---|---|")
    for name, run in [
        ("kmock serve, 1,000", lambda: rust(sys.argv[1], 1000)),
        ("kmock serve, 50", lambda: rust(sys.argv[1], 50)),
        ("kmock-py 0.8, 50", lambda: python_original(50)),
    ]:
        try:
            create, get, listed = run()
            print(f"| {name} | {create:.0f} µs | {get:.0f} µs | {listed / 1000:.2f} ms |")
        except Exception as error:
            print(f"| {name} | cannot: {type(error).__name__}: {error} | | |")


main()
