"""What the stories of all Python clients share: a server of their own, members of groups as processes
that can be killed, the fixed records, and the command line of a client's program:

    CLIENT                              runs the client's stories and prints TAP
    CLIENT write|read BOOTSTRAP TOPIC   see ../README.md
    CLIENT member BOOTSTRAP TOPIC GROUP a member of a group, until it is told `stop` or is killed
"""

import base64
import json
import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
import time
import traceback
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
RECORDS = Path(__file__).resolve().parent.parent / "records.json"

# What every client's program tells, as functions of these names.
STORIES = [
    "topics_are_created_and_described",
    "every_codec_is_written_and_read",
    "keys_choose_partitions",
    "the_idempotent_producer_is_acknowledged",
    "reading_begins_where_one_likes",
    "a_group_of_two_becomes_three_and_one_dies",
    "who_commits_and_stops_goes_on_there",
    "what_admins_ask_is_done",
    "a_broker_dies_and_nothing_acknowledged_is_lost",
]

# A story that takes as long as this hangs.
GIVE_UP_S = 60

# Kafka's defaults, but for what would only be waited for.
SCENARIO = {
    "title": "conformance",
    "network": {"latency_ms": 0.05, "jitter_ms": 0.02, "bytes_per_ms": 12500000},
    "cluster": {
        "brokers": 3,
        "configs": {
            "offsets.topic.num.partitions": 3,
            "group.initial.rebalance.delay.ms": 100,
            "group.min.session.timeout.ms": 1000,
            "group.consumer.session.timeout.ms": 2000,
            "group.consumer.heartbeat.interval.ms": 200,
            "group.share.min.heartbeat.interval.ms": 200,
            "group.share.heartbeat.interval.ms": 200,
            "share.coordinator.state.topic.num.partitions": 3,
            "broker.heartbeat.interval.ms": 200,
            "broker.session.timeout.ms": 1000,
        },
    },
}


class Server:
    """`terrarium serve` on free ports."""

    def __init__(self):
        with tempfile.NamedTemporaryFile("w", suffix=".json", delete=False) as file:
            json.dump(SCENARIO, file)
        program = os.environ.get("TERRARIUM", ROOT / "target/debug/terrarium")
        args = ["serve", "--scenario", file.name, "--listen", "127.0.0.1:0", "--control", "127.0.0.1:0"]
        self.process = subprocess.Popen([program, *args], stdout=subprocess.PIPE, text=True)
        self.bootstrap = self.process.stdout.readline().strip().removeprefix("bootstrap.servers=")
        self.control = self.process.stdout.readline().strip().removeprefix("control: ")
        os.unlink(file.name)
        assert self.bootstrap and self.control, "the server did not start"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGINT)
        status = self.process.wait(GIVE_UP_S)
        assert status == 0, f"the server ended with {status}"

    def http(self, path, body=None):
        body = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.control + path, body, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=GIVE_UP_S) as answer:
            return json.load(answer)

    def command(self, **command):
        self.http("commands", command)

    def leader(self, topic, partition=0):
        """The broker that leads a partition, or None."""
        for it in self.http("summary")["topics"]:
            if it["name"] == topic:
                return it["partitions"][partition]["leader"]
        return None


def until(what, holds):
    """Waits for something that happens outside, and returns it."""
    deadline = time.monotonic() + GIVE_UP_S
    while time.monotonic() < deadline:
        found = holds()
        if found:
            return found
        time.sleep(0.02)
    raise AssertionError(f"never: {what}")


def same(found, wanted, what=""):
    assert found == wanted, f"{what} found {shorten(found)}, wanted {shorten(wanted)}"


def shorten(value):
    text = repr(value)
    return text if len(text) < 2_000 else text[:2_000] + " ..."


class Member:
    """A member of a group, in a process of its own."""

    def __init__(self, program, *args):
        self.process = subprocess.Popen(
            [sys.executable, program, "member", *args],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )
        self.assigned, self.values, self.said = [], [], queue.Queue()
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self):
        for line in self.process.stdout:
            self.said.put(json.loads(line))

    def look(self):
        """Takes in what it has said since."""
        while True:
            try:
                said = self.said.get_nowait()
            except queue.Empty:
                return self
            self.assigned = said.get("assigned", self.assigned)
            if "value" in said:
                self.values.append(said["value"])

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self):
        self.process.stdin.close()
        same(self.process.wait(GIVE_UP_S), 0, "the member ended with")


def shared(members, partitions, what):
    """Waits until these members have so many partitions, each one of them some, and none twice."""
    def holds():
        owned = [partition for member in members for partition in member.look().assigned]
        return sorted(owned) == list(range(partitions)) and all(member.assigned for member in members)
    until(f"{what}: {[member.assigned for member in members]}", holds)


def a_group_of_two_becomes_three_and_one_dies(server, program, topic, send, *protocol):
    """The topic has six partitions; send(values) sends each value to all of them, keyed by partition."""
    group = f"{topic}-group"
    members = [Member(program, server.bootstrap, topic, group, *protocol) for _ in range(2)]
    try:
        shared(members, 6, "two share")
        members.append(Member(program, server.bootstrap, topic, group, *protocol))
        shared(members, 6, "three share")
        wanted = set()

        def read(values):
            send(values)
            wanted.update(f"{value}-{partition}" for value in values for partition in range(6))
            until("all is read", lambda: wanted <= {it for member in members for it in member.look().values})

        read(["a", "b", "c"])
        members[0].kill()
        shared(members[1:], 6, "two inherit")
        read(["d", "e", "f"])
        members[1].stop()
        shared(members[2:], 6, "one is left with all")
        read(["g"])
    finally:
        for member in members:
            member.kill()


def member_main(consume):
    """Runs a member: consume(say, stopped) reads until stopped() and then leaves the group."""
    end = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: end.set())
    threading.Thread(target=lambda: (sys.stdin.read(), end.set()), daemon=True).start()

    def say(**what):
        print(json.dumps(what), flush=True)

    consume(say, end.is_set)


def read_record(partition, offset, value):
    """What a member says of a record."""
    return {"partition": partition, "offset": offset, "value": value.decode()}


def nothing_acknowledged_is_lost(server, topic, send):
    """Kills and restarts the leader of the topic's only partition while send() is at it: send(i) starts
    sending the value str(i) and returns; its result waits for the acknowledgement."""
    waits, killed = [], None
    for number in range(300):
        if number == 100:
            killed = until("a leader", lambda: server.leader(topic))
            server.command(do="kill", node=f"broker-{killed}")
        if number == 200:
            until("another leader", lambda: server.leader(topic) not in (None, killed))
            server.command(do="restart", node=f"broker-{killed}")
        waits.append(send(number))
        if number % 100 < 10:
            time.sleep(0.01)
    for wait in waits:
        wait()
    return [str(number).encode() for number in range(300)]


def records():
    """The fixed records, decoded: dicts of partition, timestamp, key, value, headers, needs."""
    file = json.loads(RECORDS.read_text())
    for record in file["records"]:
        value = record["value"]
        if isinstance(value, dict):
            record["value"] = decoded(value["repeat"]) * value["times"]
        else:
            record["value"] = decoded(value)
        record["key"] = decoded(record["key"])
        record["headers"] = [(name, decoded(value)) for name, value in record["headers"]]
        record.setdefault("needs", None)
    return file["records"]


def writable(left_out):
    """The fixed records without those that need what cannot be said, and the line to end with."""
    needs = [record["needs"] for record in records()]
    written = [record for record in records() if record["needs"] not in left_out]
    missing = [need for need in dict.fromkeys(needs) if need in left_out]
    return written, json.dumps({"written": len(written), "left_out": missing})


def decoded(text):
    return None if text is None else base64.b64decode(text)


def encoded(data):
    return None if data is None else base64.b64encode(data).decode()


def print_records(found):
    """Found are tuples (partition, offset, timestamp, key, value, headers)."""
    for partition, offset, timestamp, key, value, headers in sorted(found, key=lambda it: it[:2]):
        print(json.dumps({
            "partition": partition, "offset": offset, "timestamp": timestamp,
            "key": encoded(key), "value": encoded(value),
            "headers": [[name, encoded(value)] for name, value in headers],
        }, separators=(",", ":")))


def sample(codec):
    """A few records of all kinds, big enough to be worth compressing: (key, value, headers)."""
    many = [(f"key-{n % 7}".encode(), f"{codec} {n} ".encode() * 20, []) for n in range(50)]
    return many + [
        (None, b"no key", []),
        (b"tombstone", None, []),
        (b"", b"", []),
        (b"headers", b"v", [("one", b"1"), ("empty", b""), ("unicode \u2603", "\u2603".encode())]),
        (None, os.urandom(3_000), [("big", b"h" * 1_000)]),
    ]


def run(name, stories):
    """Runs the stories, each with the server, and prints what came out."""
    failed = 0
    print(f"# {name}")
    print(f"1..{len(stories)}", flush=True)

    def give_up(*_):
        raise AssertionError(f"not done within {GIVE_UP_S} s")

    signal.signal(signal.SIGALRM, give_up)
    with Server() as server:
        for number, story in enumerate(stories, 1):
            title, begin = f"{name}: {story.__name__.replace('_', ' ')}", time.monotonic()
            signal.alarm(GIVE_UP_S)
            try:
                story(server)
                print(f"ok {number} - {title} # {time.monotonic() - begin:.1f} s", flush=True)
            except Exception:
                failed += 1
                print(f"not ok {number} - {title}")
                print("".join(f"  {line}\n" for line in traceback.format_exc().splitlines()), flush=True)
            finally:
                signal.alarm(0)
    print(f"# pass {len(stories) - failed}\n# fail {failed}", flush=True)
    return 1 if failed else 0


def main(name, client, more=()):
    """The program of a client: a module with the STORIES, perhaps `more` of its own, and write, read and
    member."""
    mode, *args = sys.argv[1:] or ["stories"]
    if mode == "stories" and not args:
        sys.exit(run(name, [getattr(client, story) for story in STORIES] + list(more)))
    if mode not in ("write", "read", "member") or len(args) < 2:
        sys.exit(__doc__)
    getattr(client, mode)(*args)
