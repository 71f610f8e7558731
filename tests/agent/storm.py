#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Evaluations in bad weather: real programs, requests that keep coming, and an operator who lifts
quarantines and asks again for what failed by the rules. TAP.

    storm.py models N LOW HIGH SEED     names of models that take so many seconds
    storm.py cuts STATE TREE SEED CUTS KILLS HOST=NETNS,ADDRESS[,RELAY] HOST=…
    storm.py points STATE TREE SEED TIMES HOST= HOST=…

`cuts`: the wire between dispatcher and agents is cut in the ways of class Wire and of
tests/agent/relay.py, hosts are paused, dispatcher and agents killed -9 at random moments. Only a cut
that meets an attempt counts. `points`: they die at each named point (base/failpoint.h). The agents
are enrolled and not running; the dispatcher is supervised, its number in STATE/dispatch.pid. Models
that need no hub stand in STATE/models.

At the end every request that was acknowledged is finished, once, by the newest of its attempts, and
nothing is left at the hosts; a PUT of long ago begins nothing.
"""

import glob
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time

import relay

WIDTH = 8  # requests that are not finished
COPIES = 60  # of old messages, at the end
LEASE, GRACE = 3, 2  # seconds, as the test has set them
REVISION = "0123456789abcdef0123456789abcdef01234567"
BROKEN = ("worker_lost",)  # what cuts and kills may end an attempt by
bad = []


def say(text):
    print("# " + text, flush=True)


def wrong(text):
    say(text)
    bad.append(text)


def within(seconds, condition):
    until = time.monotonic() + seconds
    while not (value := condition()):
        if time.monotonic() > until:
            return value
        time.sleep(0.1)
    return value


class Board:
    """What `jinbang` says and does."""

    def __init__(self, state, tree):
        self.state, self.tree = state, tree
        # asked so often, it had better be quick
        quick = os.path.join(os.environ.get("JB_RELEASE", tree), "cli/jinbang")
        self.program = quick if os.access(quick, os.X_OK) else os.path.join(tree, "cli/jinbang")

    def command(self, *words):
        return subprocess.run([self.program, "--config", self.state + "/jinbang.conf", *words],
                              capture_output=True, text=True, check=False)

    def ask(self, *words):
        done = self.command(*words, "--json")
        if done.returncode:
            raise SystemExit("jinbang %s: %s" % (" ".join(words), done.stderr))
        return json.loads(done.stdout)

    def dispatcher(self):
        try:
            with open(self.state + "/dispatch.pid", encoding="ascii") as file:
                return int(file.read())
        except (OSError, ValueError):
            return 0


class Host:
    """An agent under a supervisor."""

    def __init__(self, board, text):
        self.name, _, rest = text.partition("=")
        self.netns, self.address, port = (rest.split(",") + ["", "", ""])[:3]
        self.relay_port = int(port) if port else 0
        self.board = board
        self.folder = "%s/host-%s" % (board.state, self.name)
        with open(self.folder + "/agent.conf", encoding="utf-8") as file:
            address = file.read().split('address = "')[1].split('"')[0]
        self.target = (address.rpartition(":")[0], int(address.rpartition(":")[2]))
        self.offers, self.deaths, self.stopping = {}, 0, False
        self.agent = None
        self.start()
        self.thread = threading.Thread(target=self.supervise, daemon=True)
        self.thread.start()

    def start(self):
        inside = ["ip", "netns", "exec", self.netns] if self.netns else []
        with open(self.folder + "/agent.log", "ab") as log:
            self.agent = subprocess.Popen(
                [*inside, os.path.join(self.board.tree, "jinbang-agent"), "-c", self.folder + "/agent.conf"],
                stdout=log, stderr=log, stdin=subprocess.DEVNULL)

    def supervise(self):
        while not self.stopping:
            if self.agent.poll() is not None and not self.stopping:
                if self.agent.returncode != -signal.SIGKILL:
                    wrong("the agent of %s ended with %d" % (self.name, self.agent.returncode))
                self.deaths += 1
                self.start()
            time.sleep(0.1)

    def end(self):
        self.stopping = True
        self.thread.join()
        self.agent.terminate()
        return self.agent.wait(30)

    def folders(self):
        return glob.glob(self.folder + "/spool/attempts/*")

    def live(self):
        """Attempts that are not over; offers are remembered on the way."""
        n = 0
        for folder in self.folders():
            name = os.path.basename(folder)
            try:
                if name[0] != "." and name not in self.offers:
                    with open(folder + "/offer.json", encoding="utf-8") as file:
                        self.offers[name] = json.load(file)
                with open(folder + "/state.json", encoding="utf-8") as file:
                    n += json.load(file)["phase"] in ("accepted", "running")
            except OSError:
                pass
        return n

    def processes(self):
        """Its shims and jobs, and the agent."""
        if self.netns:
            pids = subprocess.run(["ip", "netns", "pids", self.netns], capture_output=True, text=True, check=False).stdout
            return [int(p) for p in pids.split()]
        found = []
        for place in glob.glob("/proc/[0-9]*/cmdline"):
            try:
                with open(place, "rb") as file:
                    if (self.folder + "/").encode() in file.read():
                        found.append(int(place.split("/")[2]))
            except OSError:
                pass
        return found

    def put(self, offer):
        control = self.board.state + "/control/dispatcher"
        return relay.call(self.target, control, self.board.state + "/pki/root.pem", "PUT",
                          "/v1/attempts/" + offer["id"], json.dumps(offer, separators=(",", ":")).encode())


class Operator(threading.Thread):
    """Submits, follows the change log, lifts quarantines, asks again."""

    def __init__(self, board):
        super().__init__(daemon=True)
        self.board = board
        with open(board.state + "/models", encoding="ascii") as file:
            self.names = file.read().split()
        self.states, self.hosts, self.finished, self.results = {}, {}, {}, {}
        self.models = {}
        self.seq, self.again, self.lifted, self.width = 0, 0, 0, WIDTH
        self.halt = threading.Event()

    def submit(self):
        model = self.names[len(self.models)]
        answer = self.board.ask("request", "submit", model, "--revision", REVISION, "--precision", "float16",
                                "--type", "pretrained")
        self.models[answer["request"]] = model
        self.states.setdefault(answer["request"], "QUEUED")

    def look(self):
        for change in self.board.ask("log", str(self.seq)):
            self.seq = change["seq"]
            after = change["after"] or {}
            if change["kind"] == "job" and "state" in after:
                self.states[change["id"]] = after["state"]
                if after["state"] == "FINISHED":
                    self.finished[change["id"]] = self.finished.get(change["id"], 0) + 1
            elif change["kind"] == "host" and "state" in after:
                self.hosts[change["name"]] = after["state"]
            elif change["kind"] == "result":
                self.results.setdefault(change["name"].split(" ")[0], []).append(change["action"])

    def judge(self, request, state):
        """It failed: was that by the rules?"""
        attempts = self.board.ask("job", "list", "--request", str(request))
        now = [a for a in attempts if a["round"] == max(b["round"] for b in attempts) and a["failure"]]
        lost = {a["host"] for a in now if a["reason"] == "the host lost it"}
        for attempt in now:
            if attempt["failure"] not in BROKEN:
                wrong("request %d, attempt %d: %s, %s" % (request, attempt["fence"], attempt["failure"], attempt["reason"]))
        if not (len(now) >= 3 if state == "FAILED" else len(lost) >= 2):
            wrong("request %d is %s after %d attempts" % (request, state, len(now)))

    def work(self):
        self.look()
        for name, state in list(self.hosts.items()):
            if state == "quarantined":
                self.board.command("host", "lift", name)
                self.lifted += 1
        for request, state in list(self.states.items()):
            if state in ("FAILED", "QUARANTINED"):
                self.judge(request, state)
                done = self.board.command("request", "rerun", str(request), "--yes")
                if done.returncode:
                    wrong("request %d is not asked again: %s" % (request, done.stderr))
                self.again += 1
        for _ in range(self.width - self.open()):
            self.submit()

    def open(self):
        return sum(state != "FINISHED" for state in self.states.values())

    def run(self):
        while not self.halt.is_set():
            try:
                self.work()
            except (SystemExit, KeyError, IndexError, ValueError) as error:
                wrong("the operator: %r" % error)
                return
            self.halt.wait(0.3)

    def rest(self, seconds):
        """Nothing new; True when all that there is was finished."""
        self.width = 0
        return within(seconds, lambda: self.open() == 0)


def finish(board, operator, hosts, relays, least):
    """What holds when the weather is good again; lines of TAP."""
    lines = []

    def ok(what, holds):
        lines.append(("ok" if holds else "not ok", what))

    began = time.monotonic()
    ok("every request comes to its end", operator.rest(150))
    say("which took %.0f s" % (time.monotonic() - began))
    operator.halt.set()
    operator.join()
    operator.look()
    for request, state in operator.states.items():
        if state != "FINISHED":
            wrong("request %d, %s: %s, %s" % (request, operator.models.get(request), state, json.dumps(
                board.ask("job", "list", "--request", str(request)))))
    shown = {r["id"] for r in board.ask("list", "requests")}
    ok("none is lost: all %d that were acknowledged are there" % len(operator.models), set(operator.models) <= shown)
    once = [r for r in operator.models if operator.finished.get(r) != 1]
    ok("each was finished once", not once)
    twice = [m for m in operator.models.values() if operator.results.get(m) != ["new"]]
    ok("and has one result, written once", not twice)
    for request in once:
        wrong("request %d was finished %d times" % (request, operator.finished.get(request, 0)))
    for model in twice:
        wrong("results of %s: %s" % (model, operator.results.get(model)))
    attempts = board.ask("job", "list", "--all")
    ok("no attempt is live", all(a["state"] == "ended" for a in attempts))
    newest, done = {}, {}
    for attempt in attempts:
        newest[attempt["request"]] = max(newest.get(attempt["request"], 0), attempt["fence"])
        if not attempt["failure"] and not attempt["reason"]:
            done.setdefault(attempt["request"], []).append(attempt["fence"])
    ok("each result is of the newest attempt, and of one",
       all(done.get(r) == [newest.get(r)] for r in operator.models))
    ok("it took %d attempts, for there was enough to do" % len(attempts), len(attempts) >= least)
    ok("the hosts have let all of them go", within(60, lambda: not any(h.folders() for h in hosts)))
    for host in hosts:
        for folder in host.folders():
            wrong("%s still has %s" % (host.name, os.path.basename(folder)))
    # Of attempts that were there each copy comes too late. What never arrived may: it is let go.
    late = {}
    old = [(h, o) for h in hosts for o in h.offers.values()] * 3
    random.shuffle(old)
    for host, offer in old[:COPIES]:
        status = host.put(offer)
        late[status] = late.get(status, 0) + 1
    ok("%d copies of what was PUT before begin nothing" % min(len(old), COPIES), late and set(late) == {412})
    unseen = [(h, o) for h in hosts if h.name in relays for i, o in relays[h.name].offers.items() if i not in h.offers]
    for host, offer in unseen:
        if host.put(offer) not in (200, 412, 429):
            wrong("a PUT that comes late to %s" % host.name)
    if unseen:
        say("%d PUT that never arrived come late" % len(unseen))
    ok("nor do they change anything",
       within(60, lambda: not any(h.folders() for h in hosts)) and not board.ask("log", str(operator.seq), "--kind", "job"))
    for host in hosts:
        code = host.end()
        ok("the agent of %s ends in order" % host.name, code == 0)
        ok("and leaves no process", within(20, lambda: not host.processes()))
    verified = board.command("verify")
    if verified.returncode:
        say(verified.stdout + verified.stderr)
    ok("the store is in order", verified.returncode == 0)
    ok("nothing went wrong that the rules do not know", not bad)
    return lines


# ---- cuts ----

class Wire:
    """One wire, its cuts and how they are mended."""

    def __init__(self, host, between):
        self.host, self.relay = host, between
        self.near = host.netns  # both ends of the pair have names of the namespace

    def ip(self, *words, inside=False):
        where = ["ip", "-n", self.host.netns] if inside else ["ip"]
        subprocess.run([*where, *words], check=True, stdin=subprocess.DEVNULL)

    def link(self, what, inside):
        self.ip("link", "set", "veth" if inside else self.near, what, inside=inside)

    def deaf(self, broken, inside):
        """What this end sends goes to nobody: one direction is lost, the other is not."""
        peer = self.host.address if not inside else self.host.address.rpartition(".")[0] + ".1"
        device = "veth" if inside else self.near
        if broken:
            self.ip("neigh", "replace", peer, "lladdr", "02:00:00:00:00:99", "dev", device, "nud", "permanent", inside=inside)
        else:
            subprocess.run(["ip", *(["-n", self.host.netns] if inside else []), "neigh", "del", peer, "dev", device],
                           check=False, capture_output=True)

    def stop(self, sig, all_of_it):
        for pid in self.host.processes() if all_of_it else [self.host.agent.pid]:
            try:
                os.kill(pid, sig)
            except ProcessLookupError:
                pass

    def kinds(self):
        kinds = {
            "link down here": (lambda: self.link("down", False), lambda: self.link("up", False)),
            "link down there": (lambda: self.link("down", True), lambda: self.link("up", True)),
            "nothing arrives there": (lambda: self.deaf(True, False), lambda: self.deaf(False, False)),
            "nothing comes back": (lambda: self.deaf(True, True), lambda: self.deaf(False, True)),
            "the host paused": (lambda: self.stop(signal.SIGSTOP, True), lambda: self.stop(signal.SIGCONT, True)),
            "the agent paused": (lambda: self.stop(signal.SIGSTOP, False), lambda: self.stop(signal.SIGCONT, True)),
        }
        if self.relay:
            for mode in relay.MODES:
                kinds["relay: " + mode] = (lambda m=mode: self.relay.set(m), lambda: self.relay.set(None))
        return kinds


class Cutter(threading.Thread):
    def __init__(self, wire, seed, left, until):
        super().__init__(daemon=True)
        self.wire, self.random, self.left, self.until = wire, random.Random(seed), left, until
        self.made, self.long, self.missed = {}, 0, 0

    def duration(self, kind):
        """Every fifth one is longer than the lease, every pause is; some than all that is waited for."""
        if "paused" in kind or self.random.random() < 0.2:
            return self.random.uniform(LEASE + 0.3, LEASE + GRACE + 1)
        return self.random.uniform(0.2, 1.5)

    def one(self, kind, cut, mend):
        seconds = self.duration(kind)
        if not within(8, self.wire.host.live):
            self.missed += 1
            return
        hits = self.wire.relay.hits if self.wire.relay else 0
        cut()
        try:
            time.sleep(seconds)
        finally:
            mend()
        if kind.startswith("relay") and self.wire.relay.hits == hits:
            self.missed += 1
            return
        self.made[kind] = self.made.get(kind, 0) + 1
        self.long += seconds > LEASE
        if self.left:
            self.left.pop()

    def run(self):
        while self.left and time.monotonic() < self.until:
            kinds = list(self.wire.kinds().items())
            self.random.shuffle(kinds)
            for kind, (cut, mend) in kinds:
                if not self.left or time.monotonic() > self.until:
                    break
                self.one(kind, cut, mend)
                time.sleep(self.random.uniform(0.1, 1.0))


def killer(board, hosts, seed, kills, halt, ret):
    draw = random.Random(seed)
    while not halt.is_set():
        halt.wait(draw.uniform(0.5, 3.5))
        victim = draw.choice(["dispatcher", *hosts])
        pid = board.dispatcher() if victim == "dispatcher" else victim.agent.pid
        name = victim if victim == "dispatcher" else "agent"
        if halt.is_set() or not pid or ret[name] >= kills:
            continue
        try:
            os.kill(pid, signal.SIGKILL)
            ret[name] += 1
        except ProcessLookupError:
            pass


def cuts(board, hosts, operator, seed, wanted, kills):
    relays = {h.name: relay.Relay(h.relay_port, h.target, h.folder + "/tls/identity.pem", board.state + "/control/dispatcher",
                                  board.state + "/pki/root.pem", seed) for h in hosts if h.relay_port}
    operator.start()
    left, halt, killed = [None] * wanted, threading.Event(), {"dispatcher": 0, "agent": 0}
    until = time.monotonic() + 60 + 6 * wanted
    cutters = [Cutter(Wire(h, relays.get(h.name)), seed + i, left, until) for i, h in enumerate(hosts)]
    murder = threading.Thread(target=killer, args=(board, hosts, seed, kills, halt, killed), daemon=True)
    for thread in [*cutters, murder]:
        thread.start()
    for cutter in cutters:
        cutter.join()
    halt.set()
    murder.join()
    say("cuts: %.0f s" % (time.monotonic() - until + 60 + 6 * wanted))
    made = {}
    for cutter in cutters:
        for kind, n in cutter.made.items():
            made[kind] = made.get(kind, 0) + n
    total = sum(made.values())
    for kind in sorted(made):
        say("%s: %d" % (kind, made[kind]))
    say("%d longer than the lease, %d that met nothing and do not count" % (
        sum(c.long for c in cutters), sum(c.missed for c in cutters)))
    lines = [("ok" if total >= wanted and len(made) >= 8 else "not ok",
              "%d cuts of %d kinds met attempts (%d wanted)" % (total, len(made), wanted)),
             ("ok" if min(killed.values()) >= kills else "not ok",
              "dispatcher and agents were killed %d and %d times meanwhile" % (killed["dispatcher"], killed["agent"]))]
    return lines + finish(board, operator, hosts, relays, wanted)


# ---- named points ----

FILES = ("offer.json", "attempt", "state.json", "fences.json", "lease", "run.json", "c_sem_v1.json", "removed")
POINTS = {
    "dispatcher": ["before-commit", "after-commit", "before-commit.lease", "after-commit.lease", "before-call.put",
                   "after-call.put", "before-taking.put", "before-taking.renew", "before-call.manifest",
                   "before-taking.manifest", "before-taking.part", "before-commit.result", "after-commit.result",
                   "before-call.delete", "before-taking.delete"],
    "agent": [when + "-rename." + name for name in FILES for when in ("before", "after")]
             + ["before-answer.put", "before-answer.delete", "before-shim", "after-shim"],
    "shim": [when + "-rename." + name for name in ("shim.json", "step.0.json", "over.json") for when in ("before", "after")],
}


def step(folder, names, hosts, ret):
    """Each of the points is to be come to once."""
    paths = {name: os.path.join(folder, name) for name in names}
    for path in paths.values():
        with open(path, "wb"):
            pass
    until = time.monotonic() + 40
    while any(os.path.exists(path) for path in paths.values()) and time.monotonic() < until:
        for host in hosts:
            host.live()
        time.sleep(0.05)
    for name, path in paths.items():
        try:
            os.unlink(path)
        except FileNotFoundError:
            ret[name] = ret.get(name, 0) + 1


def points(board, hosts, operator, seed, times):
    """Mostly one death at a time: where everybody dies all the time nothing gets far enough to die late."""
    folder, draw = os.environ["JINBANG_FAILPOINTS"], random.Random(seed)
    operator.width = 5
    operator.start()
    hit, lines, began = {}, [], time.monotonic()
    left = [(who, name) for who, names in POINTS.items() for name in names * times]
    draw.shuffle(left)
    while left:
        who, name = left.pop()
        names = [name]
        if left and left[-1][0] != who and draw.random() < 0.5:
            names.append(left.pop()[1])
        step(folder, names, hosts, hit)
        time.sleep(draw.uniform(0, 0.4))
    say("deaths: %.0f s" % (time.monotonic() - began))
    for who, names in POINTS.items():
        few = {name: hit.get(name, 0) for name in names if hit.get(name, 0) < times}
        lines.append(("not ok" if few else "ok", "%s died %d times, at %d points%s" % (
            who, sum(hit.get(n, 0) for n in names), len(names), ": too seldom " + json.dumps(few) if few else "")))
    return lines + finish(board, operator, hosts, {}, times * 15)


def main():
    if sys.argv[1] == "models":
        draw = random.Random(int(sys.argv[5]))
        for i in range(int(sys.argv[2])):
            print("slow/%.2f%04d" % (draw.uniform(float(sys.argv[3]), float(sys.argv[4])), i))
        return False
    what, state, tree, seed = sys.argv[1:5]
    numbers = 2 if what == "cuts" else 1
    rest = sys.argv[5:]
    board = Board(state, tree)
    say("seed %s" % seed)
    random.seed(int(seed))
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(1))
    hosts = [Host(board, text) for text in rest[numbers:]]
    operator = Operator(board)
    began = time.monotonic()
    try:
        if what == "cuts":
            lines = cuts(board, hosts, operator, int(seed), int(rest[0]), int(rest[1]))
        else:
            lines = points(board, hosts, operator, int(seed), int(rest[0]))
    finally:
        for host in hosts:
            host.stopping = True
            host.agent.kill()
    say("%d requests, %d asked again, %d quarantines lifted, %.0f s" % (
        len(operator.models), operator.again, operator.lifted, time.monotonic() - began))
    for i, (word, text) in enumerate(lines, 1):
        print("%s %d - %s" % (word, i, text))
    print("1..%d" % len(lines))
    return any(word != "ok" for word, _ in lines)


if __name__ == "__main__":
    sys.exit(main())
