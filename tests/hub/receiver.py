#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Receives webhooks for the tests.

usage: receiver.py FOLDER SECRET

Writes its port to FOLDER/port and a JSON line for each request to FOLDER/log. The path says how
it answers: /ok/…, /fail/N (500 to the first N tries of each delivery), /slow/SECONDS, /redirect,
/status/CODE, /busy/SECONDS (429 with Retry-After once), /hang (never), /switch/NAME (503 while
FOLDER/NAME.down exists).
"""
import hashlib
import hmac
import json
import os
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

folder, secret = sys.argv[1], sys.argv[2].encode()
lock = threading.Lock()
tries = {}
log = open(os.path.join(folder, "log"), "a", buffering=1, encoding="utf-8")


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, status, headers=()):
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")
        return status

    def decide(self, id, n):
        kind, _, rest = self.path[1:].partition("/")
        if kind == "fail":
            return self.answer(500 if n <= int(rest.split("?")[0]) else 200)
        if kind == "slow":
            time.sleep(float(rest))
        elif kind == "hang":
            time.sleep(600)
        elif kind == "redirect":
            return self.answer(302, [("Location", "/ok/redirected")])
        elif kind == "status":
            return self.answer(int(rest))
        elif kind == "busy" and n == 1:
            return self.answer(429, [("Retry-After", rest)])
        elif kind == "switch" and os.path.exists(os.path.join(folder, rest + ".down")):
            return self.answer(503)
        return self.answer(204 if kind == "empty" else 200)

    def do_POST(self):
        began = time.time()
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        stamp = self.headers.get("X-Jinbang-Timestamp", "")
        good = "sha256=" + hmac.new(secret, stamp.encode() + b"." + body, hashlib.sha256).hexdigest()
        id = self.headers.get("X-Jinbang-Delivery", "")
        with lock:
            n = tries[self.path, id] = tries.get((self.path, id), 0) + 1
        status = None
        try:
            status = self.decide(id, n)
        except OSError:
            pass
        entry = {"path": self.path, "at": began, "id": int(id or 0), "try": n, "status": status,
                 "event": self.headers.get("X-Jinbang-Event"), "type": self.headers.get("Content-Type"),
                 "signed": hmac.compare_digest(good, self.headers.get("X-Jinbang-Signature", "")),
                 "fresh": abs(began - float(stamp or 0)) < 60, "body": json.loads(body)}
        with lock:
            log.write(json.dumps(entry) + "\n")

    def do_GET(self):
        with lock:
            log.write(json.dumps({"path": self.path, "method": "GET"}) + "\n")
        self.answer(200)


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, *_):
        pass  # whoever was killed says no goodbye


server = Server(("127.0.0.1", 0), Handler)
with open(os.path.join(folder, "port.new"), "w", encoding="utf-8") as port:
    port.write(str(server.server_address[1]))
os.rename(os.path.join(folder, "port.new"), os.path.join(folder, "port"))
server.serve_forever()
