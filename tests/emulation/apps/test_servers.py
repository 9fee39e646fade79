"""Servers of real life under load while they are moved."""

from __future__ import annotations

import json
import threading

import pytest

from .conftest import Apps

REDIS = ["redis-server", "--save", "", "--appendonly", "no", "--protected-mode", "no"]

# Writes key after key and notes each answer; a write that was not acknowledged is tried again.
WRITE = r"""
import socket, sys, time
deadline = time.monotonic() + float(sys.argv[2])
link = socket.create_connection((sys.argv[1], 6379))
file = link.makefile("rb")
n = 0
while time.monotonic() < deadline:
    n += 1
    words = [b"SET", b"k%d" % n, b"v%d" % n]
    link.sendall(b"*3\r\n" + b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in words))
    assert file.readline() == b"+OK\r\n"
print(n)
"""
READ = r"""
import socket, sys
link = socket.create_connection((sys.argv[1], 6379))
file = link.makefile("rb")
def ask(*words):
    text = b"*%d\r\n" % len(words)
    for word in words:
        text += b"$%d\r\n%s\r\n" % (len(word), word)
    link.sendall(text)
    line = file.readline()
    return file.read(int(line[1:]) + 2)[:-2] if line[:1] == b"$" else line
wrong = [n for n in range(1, int(sys.argv[2]) + 1) if ask(b"GET", b"k%d" % n) != b"v%d" % n]
print(len(wrong), ask(b"DBSIZE").decode().strip())
"""


@pytest.mark.parametrize("mode", ["checkpoint", "lazy"])
def test_redis_loses_no_acknowledged_write(apps: Apps, servers: str, mode: str) -> None:
    apps.run("redis", "n1", *REDIS, image=servers)
    apps.until(lambda: "Ready to accept" in "\n".join(apps.log("redis")))
    written: list[str] = []

    def write() -> None:
        client = apps.net.node("n3").exec(["python3", "-c", WRITE, "redis", "6"])
        written.append(client.check().stdout)

    client = threading.Thread(target=write)
    client.start()
    apps.until(lambda: "6379" in apps.net.node("n3").exec("ss -Htn state established").stdout)
    apps.move("redis", "n2", mode)
    assert client.is_alive(), "the client had finished before the move"
    client.join(60)
    assert written, "the client's connection did not survive"
    count = int(written[0])
    assert count > 100
    answer = apps.net.node("n4").exec(["python3", "-c", READ, "redis", str(count)]).check().stdout
    assert answer.split() == ["0", f":{count}"]


NGINX = r"""
user root;
daemon off;
worker_processes 2;
error_log stderr;
pid /run/nginx.pid;
events { worker_connections 256; }
http { server { listen 80; location / { return 200 "page $uri\n"; } } }
"""
# Four connections, request after request; a failed one is tried again on a new connection.
LOAD = r"""
import http.client, json, sys, threading, time
host, deadline = sys.argv[1], time.monotonic() + float(sys.argv[2])
results = []
def load(worker):
    link, n = http.client.HTTPConnection(host, timeout=10), 0
    while time.monotonic() < deadline:
        n += 1
        began = time.time()
        try:
            link.request("GET", f"/{worker}-{n}")
            answer = link.getresponse()
            body = answer.read().decode()
            right = answer.status == 200 and body == f"page /{worker}-{n}\n"
            results.append((began, time.time(), "right" if right else "wrong"))
        except OSError as error:
            results.append((began, time.time(), "failed"))
            link.close()
            link = http.client.HTTPConnection(host, timeout=10)
threads = [threading.Thread(target=load, args=(worker,)) for worker in range(4)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
print(json.dumps(results))
"""


@pytest.mark.parametrize("mode", ["checkpoint", "lazy"])
def test_nginx_under_load_answers_every_request(apps: Apps, servers: str, mode: str) -> None:
    write = f"cat > /etc/nginx/nginx.conf <<'EOF'\n{NGINX}\nEOF\nexec nginx"
    apps.run("nginx", "n1", "sh", "-c", write, image=servers)
    apps.until(
        lambda: (
            apps.net.node("n3").exec("curl -s -m 2 http://nginx/hello").stdout.startswith("page")
        )
    )
    loaded: list[str] = []

    def load() -> None:
        client = apps.net.node("n3").exec(["python3", "-c", LOAD, "nginx", "6"])
        loaded.append(client.check().stdout)

    client = threading.Thread(target=load)
    client.start()
    apps.until(lambda: "nginx" in apps.net.node("n3").exec("ss -Htnr state established").stdout)
    report = apps.move("nginx", "n2", mode)
    assert client.is_alive(), "the load was over before the move"
    client.join(60)
    results = [(began, ended, word) for began, ended, word in json.loads(loaded[0])]
    words = [word for _, _, word in results]
    assert words.count("right") > 200
    # Connections are kept, so that not even those of the downtime fail: they wait.
    assert words.count("wrong") == 0
    assert words.count("failed") == 0
    slowest = max(ended - began for began, ended, _ in results)
    assert slowest < report.frozen_s + 3
