#!/usr/bin/env python3
"""Record or replay Kubernetes API conversations.

A scenario is a JSON file: {"name", "about", "steps": [...]}. Each step is one of
  {"id"?, "do": "METHOD /path?query", "headers"?: {..}, "body"?: any | "raw"?: "text"}
  {"watch": "w1", "do": "GET /path?watch=true..."}      open a stream in the background
  {"collect": "w1", "events": N, "within"?: seconds}    wait for N events of it, then keep them
  {"sleep": seconds}
Anywhere in do/headers/body, "{{id.a.b.0.c}}" is taken from an earlier answer's body.

  record.py record --base URL [--token T] SCENARIO... --out DIR    ask a real server, write transcripts
  record.py replay --base URL [--token T] TRANSCRIPT...            ask a server under test, compare

A transcript is the scenario with "expect" in every step: {"code", "type", "warning"?, "body"} (or "events"),
normalised so that only what a client may rely on is compared: uids, object versions and times become
symbols that are the same wherever the same value stood (within one scenario), list versions and
continue tokens become "<any>". In Tables, ages become "<age>" and column descriptions are left out.
"""
import argparse, http.client, json, re, ssl, sys, threading, time, pathlib, urllib.parse

class Server:
    def __init__(self, base, token):
        u = urllib.parse.urlparse(base)
        self.tls, self.host, self.port, self.token = u.scheme == "https", u.hostname, u.port, token

    def connect(self, timeout=20):
        if self.tls:
            ctx = ssl.create_default_context(); ctx.check_hostname = False; ctx.verify_mode = ssl.CERT_NONE
            return http.client.HTTPSConnection(self.host, self.port, timeout=timeout, context=ctx)
        return http.client.HTTPConnection(self.host, self.port, timeout=timeout)

    def send(self, conn, step):
        method, path = step["do"].split(" ", 1)
        headers = {"Accept": "application/json", "User-Agent": "conform/1.0", **step.get("headers", {})}
        if self.token: headers["Authorization"] = f"Bearer {self.token}"
        body = None
        if "raw" in step: body = step["raw"].encode()
        elif "body" in step: body = json.dumps(step["body"]).encode()
        if body is not None: headers.setdefault("Content-Type", "application/json")
        conn.request(method, path, body=body, headers=headers)
        return conn.getresponse()

def lookup(memory, expr):
    head, *rest = expr.split(".")
    value = memory[head]
    for part in rest:
        value = value[int(part)] if isinstance(value, list) else value[part]
    return value

def fill(value, memory):
    if isinstance(value, str):
        whole = re.fullmatch(r"\{\{([^}]+)\}\}", value)
        if whole: return lookup(memory, whole.group(1))
        return re.sub(r"\{\{([^}]+)\}\}", lambda m: str(lookup(memory, m.group(1))), value)
    if isinstance(value, list): return [fill(v, memory) for v in value]
    if isinstance(value, dict): return {k: fill(v, memory) for k, v in value.items()}
    return value

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")
AGE = re.compile(r"\d+[smhd](\d+[smh])?")
UID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")

class Normal:
    """Turns the values that differ from run to run into symbols."""
    def __init__(self): self.uids, self.versions, self.generated = {}, {}, {}

    def symbol(self, table, kind, value):
        return table.setdefault(value, f"<{kind}{len(table) + 1}>")

    def text(self, s):
        s = UID.sub(lambda m: self.symbol(self.uids, "uid", m.group(0)), s)
        s = TIME.sub("<time>", s)
        for name, sym in self.generated.items(): s = s.replace(name, sym)
        return s

    def walk(self, v, path=()):
        if isinstance(v, dict):
            meta = v.get("metadata") if isinstance(v.get("metadata"), dict) else None
            gen = v.get("generateName")
            if gen and isinstance(v.get("name"), str) and v["name"].startswith(gen):
                self.symbol(self.generated, f"{gen}gen", v["name"])
            is_list = meta is not None and "items" in v
            out = {}
            for k, x in v.items():
                if k == "description" and path and path[-1] == "columnDefinitions": continue
                if k == "cells" and isinstance(x, list):
                    out[k] = ["<age>" if isinstance(c, str) and AGE.fullmatch(c) else self.walk(c) for c in x]; continue
                if k == "resourceVersion" and isinstance(x, str):
                    if path and path[-1] == "list-meta": out[k] = "<any>"
                    else: out[k] = self.symbol(self.versions, "rv", x) if x else x
                elif k == "continue" and isinstance(x, str): out[k] = "<any>" if x else x
                elif k == "remainingItemCount": out[k] = x
                elif k == "metadata" and is_list: out[k] = self.walk(x, path + ("list-meta",))
                else: out[k] = self.walk(x, path + (k,))
            return out
        if isinstance(v, list): return [self.walk(x, path) for x in v]
        if isinstance(v, str): return self.text(v)
        return v

class Watch(threading.Thread):
    def __init__(self, server, step):
        super().__init__(daemon=True)
        self.events, self.code, self.body, self.type, self.done = [], None, None, None, False
        self.conn = server.connect(timeout=60)
        self.resp = server.send(self.conn, step)
        self.code, self.type = self.resp.status, self.resp.getheader("Content-Type")
        self.start()

    def run(self):
        try:
            if self.code != 200:
                self.body = self.resp.read().decode(); return
            while True:
                line = self.resp.readline()
                if not line: break
                if line.strip(): self.events.append(json.loads(line))
        except Exception: pass
        finally: self.done = True

def parse(raw, ctype):
    text = raw.decode("utf-8", "replace")
    if ctype and "json" in ctype:
        try: return json.loads(text)
        except ValueError: pass
    return text

def run(server, scenario):
    """Yields (step, answer) with raw answers, in order."""
    memory, watches = {}, {}
    for step in scenario["steps"]:
        if "sleep" in step: time.sleep(step["sleep"]); yield step, None; continue
        if "collect" in step:
            w, want = watches[step["collect"]], step["events"]
            limit = time.time() + step.get("within", 5)
            while time.time() < limit and len(w.events) < want and not w.done: time.sleep(0.02)
            if want == 0 or step.get("settle"): time.sleep(step.get("settle", 0.5))
            events, w.events = w.events, []
            yield step, {"events": events, **({"closed": True} if step.get("closes") and w.done else {})}; continue
        live = fill({k: v for k, v in step.items() if k in ("do", "headers", "body", "raw")}, memory)
        if "watch" in step:
            w = watches[step["watch"]] = Watch(server, live)
            if w.code != 200: w.join(5)
            yield step, {"code": w.code, "type": w.type, **({"body": parse((w.body or "").encode(), w.type)} if w.code != 200 else {})}
            continue
        conn = server.connect(timeout=step.get("timeout", 30))
        try:
            resp = server.send(conn, live); raw = resp.read()
            body = parse(raw, resp.getheader("Content-Type"))
            if "id" in step: memory[step["id"]] = body
            answer = {"code": resp.status, "type": resp.getheader("Content-Type"), "body": body}
            warn = resp.msg.get_all("Warning")
            if warn: answer["warning"] = warn
            for h in ("Retry-After", "Location", "Allow"):
                if resp.getheader(h): answer[h.lower()] = resp.getheader(h)
            yield step, answer
        except (http.client.HTTPException, OSError) as e:
            yield step, {"code": 0, "type": None, "body": f"no answer: {type(e).__name__}"}
        finally: conn.close()

def prune(answer, step):
    for expr in step.get("ignore", []):
        parts = expr.split(".")
        def drop(v, parts):
            if isinstance(v, list):
                for x in v: drop(x, parts)
            elif isinstance(v, dict):
                if len(parts) == 1: v.pop(parts[0], None)
                elif parts[0] in v: drop(v[parts[0]], parts[1:])
        drop(answer, parts)
    only = step.get("only")
    if only and isinstance(answer, dict):
        for k in list(answer):
            if k not in only: answer.pop(k)
    return answer

def record(server, scenario):
    normal, steps = Normal(), []
    for step, answer in run(server, scenario):
        step = {k: v for k, v in step.items() if k != "expect"}
        if answer is not None: step["expect"] = prune(normal.walk(answer), step)
        steps.append(step)
    return {**scenario, "steps": steps}

def differ(want, got, path=""):
    if isinstance(want, dict) and isinstance(got, dict):
        for k in sorted(set(want) | set(got)):
            if k not in got: yield f"{path}.{k}: missing, want {json.dumps(want[k])[:160]}"
            elif k not in want: yield f"{path}.{k}: extra {json.dumps(got[k])[:160]}"
            else: yield from differ(want[k], got[k], f"{path}.{k}")
    elif isinstance(want, list) and isinstance(got, list):
        if len(want) != len(got): yield f"{path}: {len(got)} items, want {len(want)}"
        for i, (a, b) in enumerate(zip(want, got)): yield from differ(a, b, f"{path}[{i}]")
    elif want == "<any>" and isinstance(got, str): return
    elif type(want) is not type(got) or want != got: yield f"{path}: {json.dumps(got)[:160]}, want {json.dumps(want)[:160]}"

def replay(server, scenario):
    """Yields (index, step, [differences])."""
    normal = Normal()
    try:
        for i, (step, answer) in enumerate(run(server, scenario)):
            if answer is None: continue
            got = prune(normal.walk(answer), step)
            yield i, step, list(differ(step["expect"], got))
    except (KeyError, IndexError, TypeError, OSError, http.client.HTTPException) as e:
        yield -1, {"do": "(the rest of the scenario)"}, [f"cannot go on: {type(e).__name__}: {e}"]

def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("mode", choices=["record", "replay"]); ap.add_argument("files", nargs="+")
    ap.add_argument("--base", required=True); ap.add_argument("--token"); ap.add_argument("--out")
    ap.add_argument("-v", "--verbose", action="store_true"); ap.add_argument("--most", type=int, default=6)
    a = ap.parse_args()
    server = Server(a.base, a.token)
    files = [p for f in a.files for p in (sorted(pathlib.Path(f).glob("*.json")) if pathlib.Path(f).is_dir() else [pathlib.Path(f)])]
    if a.mode == "record":
        out = pathlib.Path(a.out); out.mkdir(parents=True, exist_ok=True)
        for f in files:
            t = record(server, json.loads(f.read_text()))
            (out / f.name).write_text(json.dumps(t, indent=1, ensure_ascii=False) + "\n")
            print(f"{f.stem}: {len(t['steps'])} steps")
        return 0
    steps = good = whole = 0
    for f in files:
        t = json.loads(f.read_text()); bad = 0; lines = []; n = 0
        total = sum("expect" in s for s in t["steps"])
        for i, step, diffs in replay(server, t):
            if i >= 0: n += 1
            if diffs:
                bad += 1
                lines.append(f"  step {i}: {step.get('do') or 'collect ' + step.get('collect', '')}")
                lines += [f"    {d}" for d in diffs[:a.most]]
                if len(diffs) > a.most: lines.append(f"    (+{len(diffs) - a.most} more)")
        ok = sum(1 for _ in ()) ; ok = n - sum(1 for l in lines if l.startswith("  step") and not l.startswith("  step -1"))
        steps += total; good += ok; whole += (ok == total)
        if ok != total:
            print(f"{f.stem}: {ok}/{total} steps")
            if a.verbose: print("\n".join(lines))
    print(f"scenarios {whole}/{len(files)}, steps {good}/{steps}")
    return 0 if whole == len(files) else 1

if __name__ == "__main__": sys.exit(main())
