#!/usr/bin/env python3
"""How `karhunen serve` bears many readers at once, and whether its memory stays flat.

    python3 benchmarks/serve_load.py --program target/release/karhunen --clients 32 --seconds 60

Starts a server of its own on the loopback address and stops it in the end. Every client asks for one field after
another, each of a seed of its own; each seventh request is given up while it is on the way, as a closed tab does. An
answer counts as done (all events came), refused (503, the queue is full, as designed: the client waits and asks again),
given up, or wrong: anything else. Memory is the server's resident set, once a second. Standard library only.

The exit code is 1 for a wrong answer, or if the last quarter's memory exceeds that of the second by more than a tenth.
"""

import argparse
import http.client
import json
import signal
import statistics
import subprocess
import sys
import threading
import time
from urllib.parse import urlsplit

GIVEN_UP = 7


class Client(threading.Thread):
    def __init__(self, host, port, number, until, body):
        super().__init__(daemon=True)
        self.host, self.port, self.number, self.until, self.body = host, port, number, until, body
        self.counts = {"done": 0, "refused": 0, "given up": 0}
        self.times, self.wrong = [], []

    def run(self):
        asked = 0
        while time.monotonic() < self.until:
            asked += 1
            body = {**self.body, "seed": self.number * 1_000_000 + asked}
            begun = time.monotonic()
            try:
                kind = self.ask(body, asked % GIVEN_UP == 0)
            except (OSError, http.client.HTTPException, ValueError) as error:
                self.wrong.append(f"{type(error).__name__}: {error}")
                continue
            self.counts[kind] += 1
            if kind == "done":
                self.times.append(time.monotonic() - begun)
            if kind == "refused":
                time.sleep(0.2)

    def ask(self, body, gives_up):
        connection = http.client.HTTPConnection(self.host, self.port, timeout=120)
        try:
            connection.request("POST", "/api/sample", json.dumps(body), {"Content-Type": "application/json"})
            answer = connection.getresponse()
            if answer.status == 503:
                answer.read()
                return "refused"
            if answer.status != 200:
                raise ValueError(f"answer {answer.status}: {answer.read()[:200]}")
            if gives_up:
                answer.read1(64)
                return "given up"
            text = answer.read().decode()
            if "event: done\n" not in text:
                raise ValueError(f"no end: {text[-200:]}")
            return "done"
        finally:
            connection.close()


def resident(pid):
    """MiB of a process."""
    with open(f"/proc/{pid}/status") as status:
        line = next(line for line in status if line.startswith("VmRSS:"))
    return int(line.split()[1]) / 1024


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--program", default="target/release/karhunen")
    parser.add_argument("--clients", type=int, default=32)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--grid", type=int, default=32)
    parser.add_argument("--evaluations", type=int, default=8)
    asked = parser.parse_args()
    server = subprocess.Popen([asked.program, "serve", "--port", "0"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        place = urlsplit(server.stdout.readline().strip())
        until = time.monotonic() + asked.seconds
        body = {"model": 0, "grid": [asked.grid] * 2, "evaluations": asked.evaluations}
        clients = [Client(place.hostname, place.port, n, until, body) for n in range(asked.clients)]
        for client in clients:
            client.start()
        memory = []
        while time.monotonic() < until:
            time.sleep(1)
            memory.append(resident(server.pid))
        for client in clients:
            client.join(150)
    finally:
        server.send_signal(signal.SIGINT)
        code = server.wait(20)
    counts = {kind: sum(c.counts[kind] for c in clients) for kind in clients[0].counts}
    wrong = [w for c in clients for w in c.wrong]
    times = sorted(t for c in clients for t in c.times)
    second, last = memory[len(memory) // 4 : len(memory) // 2], memory[-(len(memory) // 4) :]
    found = {
        "clients": asked.clients,
        "seconds": asked.seconds,
        "request": f"{asked.grid}x{asked.grid}, {asked.evaluations} evaluations",
        **counts,
        "wrong": len(wrong),
        "done a second": round(counts["done"] / asked.seconds, 1),
        "median s": round(statistics.median(times), 2) if times else None,
        "worst s": round(times[-1], 2) if times else None,
        "memory MiB, second quarter": round(statistics.mean(second), 1),
        "memory MiB, last quarter": round(statistics.mean(last), 1),
        "memory MiB, most": round(max(memory), 1),
        "exit code": code,
    }
    print(json.dumps(found, indent=2))
    for line in wrong[:5]:
        print(f"wrong: {line}", file=sys.stderr)
    flat = statistics.mean(last) <= 1.1 * statistics.mean(second)
    return 0 if not wrong and flat and code == 130 and counts["done"] else 1


if __name__ == "__main__":
    sys.exit(main())
