#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A wire that goes wrong, between dispatcher and agent.

    relay.py plain PORT ADDRESS:PORT    bytes only, for the enrolment; says ready

As a module: Relay has the keys of both sides, so it knows where a request begins and ends. What it
does to them is `mode`, one of MODES, until told otherwise:

    reset        connections are reset before the request goes on
    cut-request  … in the middle of it
    lose-answer  … when the answer is there: it was done, and nobody knows
    cut-answer   … in the middle of the answer
    hang         connections stay open, nothing passes
    delay        each request comes up to 1.5 s late
    triple       each request arrives three times at once
    shuffle      each request arrives three times, up to 5 s apart, among the others

Requests about attempts that were hit are counted in `hits`; `offers` keeps each PUT that passed.
"""

import asyncio
import json
import random
import socket
import ssl
import struct
import sys
import threading

MODES = ("reset", "cut-request", "lose-answer", "cut-answer", "hang", "delay", "triple", "shuffle")
SECONDS = 8  # of one call onwards
LATE = 5


def reset(writer):
    sock = writer.get_extra_info("socket")
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    except OSError:
        pass
    writer.transport.abort()


async def message(reader):
    """Head and body of a request or an answer; None at the end of the connection."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
        length = 0
        for line in head.split(b"\r\n")[1:]:
            name, _, value = line.partition(b":")
            if name.strip().lower() == b"content-length":
                length = int(value)
        return head, await reader.readexactly(length)
    except (asyncio.IncompleteReadError, OSError, ssl.SSLError):
        return None


def counts(head, body):
    """Is it about an attempt?"""
    path = head.split(b" ", 2)[1]
    return path.startswith(b"/v1/attempts/") or (path == b"/v1/renew" and b'"id"' in body)


class Relay:
    def __init__(self, port, target, identity, control, root, seed):
        """Listens on 127.0.0.1 as the host of `identity`, connects to `target` as the dispatcher."""
        self.port, self.target = port, target
        self.mode, self.hits, self.offers = None, 0, {}
        self.random = random.Random(seed)
        self.server_side = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.server_side.load_cert_chain(identity)
        self.server_side.verify_mode = ssl.CERT_REQUIRED
        self.server_side.load_verify_locations(root)
        self.client_side = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self.client_side.check_hostname = False  # of an address
        self.client_side.load_cert_chain(control + ".pem", control + ".key")
        self.client_side.load_verify_locations(root)
        self.loop = asyncio.new_event_loop()
        ready = threading.Event()
        self.thread = threading.Thread(target=self.run, args=(ready,), daemon=True)
        self.thread.start()
        if not ready.wait(10):
            raise SystemExit("the relay does not listen")

    def run(self, ready):
        async def begin():
            await asyncio.start_server(self.serve, "127.0.0.1", self.port, ssl=self.server_side)
            ready.set()
        asyncio.set_event_loop(self.loop)
        self.loop.set_exception_handler(lambda loop, context: None)
        self.loop.run_until_complete(begin())
        self.loop.run_forever()

    def set(self, mode):
        self.loop.call_soon_threadsafe(setattr, self, "mode", mode)

    async def open(self):
        return await asyncio.wait_for(asyncio.open_connection(*self.target, ssl=self.client_side), SECONDS)

    async def once(self, request):
        """Over a connection of its own; None: no answer."""
        writer = None
        try:
            reader, writer = await self.open()
            writer.write(request[0] + request[1])
            return await asyncio.wait_for(message(reader), SECONDS)
        except (OSError, ssl.SSLError, asyncio.TimeoutError):
            return None
        finally:
            if writer:
                writer.transport.abort()

    async def later(self, request):
        await asyncio.sleep(self.random.uniform(0, LATE))
        await self.once(request)

    async def half(self, request):
        try:
            _, writer = await self.open()
            whole = request[0] + request[1]
            writer.write(whole[:self.random.randrange(1, len(whole))])
            await asyncio.wait_for(writer.drain(), SECONDS)
            await asyncio.sleep(0.05)
            reset(writer)
        except (OSError, ssl.SSLError, asyncio.TimeoutError):
            pass

    async def hung(self):
        while self.mode == "hang":
            await asyncio.sleep(0.1)

    async def answer_of(self, mode, request):
        if mode == "delay":
            await asyncio.sleep(self.random.uniform(0.2, 1.5))
        elif mode == "triple":
            answers = await asyncio.gather(*(self.once(request) for _ in range(3)))
            answers = [a for a in answers if a]
            return self.random.choice(answers) if answers else None
        elif mode == "shuffle":
            for _ in range(2):
                asyncio.ensure_future(self.later(request))
            await asyncio.sleep(self.random.uniform(0, 0.6))
        return await self.once(request)

    def remember(self, request):
        method, path, _ = request[0].split(b" ", 2)
        if method == b"PUT":
            self.offers[path.rsplit(b"/", 1)[1].decode()] = json.loads(request[1])

    async def serve(self, reader, writer):
        try:
            await self.talk(reader, writer)
        except (OSError, ssl.SSLError):
            pass
        writer.transport.abort()

    async def talk(self, reader, writer):
        back, forth = None, None  # kept as long as the one in front
        while (request := await message(reader)):
            mode = self.mode
            self.hits += mode is not None and counts(*request)
            self.remember(request)
            if mode == "hang":
                await self.hung()
                reset(writer)
                break
            if mode in ("reset", "cut-request"):
                if mode == "cut-request":
                    await self.half(request)
                reset(writer)
                break
            if mode is None:
                try:
                    if forth is None:
                        back, forth = await self.open()
                    forth.write(request[0] + request[1])
                    answer = await asyncio.wait_for(message(back), SECONDS)
                except (OSError, ssl.SSLError, asyncio.TimeoutError):
                    answer = None
            else:
                answer = await self.answer_of(mode, request)
            if answer is None or mode == "lose-answer":
                reset(writer)
                break
            whole = answer[0] + answer[1]
            if mode == "cut-answer":
                writer.write(whole[:self.random.randrange(1, len(whole))])
                await writer.drain()
                await asyncio.sleep(0.05)
                reset(writer)
                break
            writer.write(whole)
            await writer.drain()
        if forth:
            forth.transport.abort()


def call(target, control, root, method, path, body):
    """One call as the dispatcher, without a relay; its status."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.load_cert_chain(control + ".pem", control + ".key")
    context.load_verify_locations(root)
    with socket.create_connection(target, timeout=SECONDS) as plain, context.wrap_socket(plain) as sock:
        sock.sendall(b"%s %s HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s"
                     % (method.encode(), path.encode(), len(body), body))
        answer = b""
        while b"\r\n\r\n" not in answer:
            data = sock.recv(65536)
            if not data:
                raise OSError("closed without an answer")
            answer += data
    return int(answer.split()[1])


async def plain(port, target):
    async def pump(reader, writer):
        try:
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
            writer.write_eof()
        except OSError:
            writer.transport.abort()

    async def relay(reader, writer):
        try:
            back, forth = await asyncio.open_connection(*target)
        except OSError:
            reset(writer)
            return
        await asyncio.gather(pump(reader, forth), pump(back, writer))
        writer.close()
        forth.close()

    server = await asyncio.start_server(relay, "127.0.0.1", port)
    print("ready", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    if len(sys.argv) != 4 or sys.argv[1] != "plain":
        raise SystemExit(__doc__)
    address, _, number = sys.argv[3].rpartition(":")
    asyncio.run(plain(int(sys.argv[2]), (address, int(number))))
