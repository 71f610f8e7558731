# SPDX-License-Identifier: Apache-2.0
"""Calls an agent as the dispatcher does, for tests/e2e/enrol.test.

    caller.py cut PORT FILE PID     a TCP relay to PORT; prints its own port. The first answer that
                                    comes once FILE is there is lost, connection and all; if PID is
                                    not 0 that process is killed then. What comes later passes.
    caller.py csr CA NAME           a CSR on standard input; its chain, signed by the jinbang-ca
                                    that listens on the socket CA
    caller.py hello PORT NAME       says hello without the token, over a key of its own
    caller.py offer N MODEL TASK    the body of PUT for attempt N at a model
    caller.py killed PORT STATE PID N MODEL TASK
                                    puts attempt N and kills PID when the answer is there; STATE
                                    holds control/ and pki/
"""

import asyncio
import hashlib
import json
import os
import signal
import socket
import ssl
import struct
import subprocess
import sys

PLAN = "harness-b281b09"


def cut(port, path, pid):
    lost = []

    def reset(writer):
        sock = writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()

    async def pump(reader, writer, other, answers):
        try:
            while data := await reader.read(65536):
                if answers and not lost and os.path.exists(path):
                    lost.append(1)
                    if pid:
                        os.kill(pid, signal.SIGKILL)
                    reset(writer)
                    reset(other)
                    return
                writer.write(data)
                await writer.drain()
            writer.write_eof()
        except OSError:
            reset(writer)

    async def relay(reader, writer):
        try:
            back, forth = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            reset(writer)
            return
        await asyncio.gather(pump(reader, forth, writer, False), pump(back, writer, forth, True))
        writer.close()
        forth.close()

    async def run():
        server = await asyncio.start_server(relay, "127.0.0.1", 0)
        print(server.sockets[0].getsockname()[1], flush=True)
        await server.serve_forever()

    asyncio.run(run())


def sign(path, name):
    sock = socket.socket(socket.AF_UNIX)
    sock.connect(path)
    ask = {"role": "host", "name": name, "csr": sys.stdin.read()}
    sock.sendall(json.dumps(ask).encode() + b"\n")
    answer = b""
    while not answer.endswith(b"\n"):
        answer += sock.recv(65536)
    sys.stdout.write(json.loads(answer)["certificate"])


def request(sock, method, path, body):
    sock.sendall(b"%s %s HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s"
                 % (method.encode(), path.encode(), len(body), body))
    answer = b""
    while b"\r\n\r\n" not in answer:
        data = sock.recv(65536)
        if not data:
            raise SystemExit("closed without an answer")
        answer += data
    return int(answer.split()[1])


def connect(port, cert, key):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False  # the name is for curl to check; here it is about the calls
    context.verify_mode = ssl.CERT_NONE
    context.load_cert_chain(cert, key)
    return context.wrap_socket(socket.create_connection(("127.0.0.1", port)))


def hello(port, name):
    made = subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                           "-nodes", "-subj", "/CN=x", "-days", "1", "-keyout", "-"],
                          capture_output=True, text=True, check=True).stdout
    path = "/tmp/jinbang-hello.%d" % os.getpid()
    with open(path, "w", encoding="ascii") as file:
        file.write(made)
    try:
        sock = connect(port, path, path)
    finally:
        os.unlink(path)
    print(request(sock, "POST", "/v1/enrol/hello", json.dumps({"name": name, "nonce": "ab" * 32}).encode()))


def offer(number, model, task):
    spec = {"plan": PLAN, "model": model, "revision": "a" * 40, "base_model": "", "base_revision": "",
            "precision": "float16", "weight_type": "Original", "params": 0.5, "seed": 1, "wall_seconds": 600,
            "suite": "v1", "tasks": [{"benchmark": "b", "task": task, "metric": "acc", "shots": 0}]}
    text = json.dumps(spec, separators=(",", ":"))
    return json.dumps({"id": "%032x" % number, "job": number, "fence": number, "lease_seconds": 300,
                       "spec_hash": hashlib.sha256(text.encode()).hexdigest(), "spec": spec})


def killed(port, state, pid, number, model, task):
    control = os.path.join(state, "control", "dispatcher.")
    sock = connect(port, control + "pem", control + "key")
    status = request(sock, "PUT", "/v1/attempts/%032x" % number, offer(number, model, task).encode())
    os.kill(pid, signal.SIGKILL)
    print(status)


def main():
    what, rest = sys.argv[1], sys.argv[2:]
    if what == "cut":
        cut(int(rest[0]), rest[1], int(rest[2]))
    elif what == "csr":
        sign(*rest)
    elif what == "hello":
        hello(int(rest[0]), rest[1])
    elif what == "offer":
        print(offer(int(rest[0]), *rest[1:]))
    elif what == "killed":
        killed(int(rest[0]), rest[1], int(rest[2]), int(rest[3]), *rest[4:])


main()
