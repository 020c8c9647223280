"""The cases as librdkafka sends them.

librdkafka has no encoder to call, so a producer is pointed at a pretended broker, which answers
ApiVersions, Metadata and Produce and keeps the records that it was sent.
"""

import json
import socket
import struct
import threading

from confluent_kafka import Producer

from cases import CODECS, cases, has_codec, is_compressed, is_plain, records

TOPIC = "t"
PRODUCE, METADATA, API_VERSIONS = 0, 3, 18
# Version 2 of the message format asks for these versions of Produce and Fetch, LZ4 for
# FindCoordinator.
VERSIONS = [(PRODUCE, 0, 7), (1, 0, 11), (2, 0, 2), (10, 0, 0), (METADATA, 0, 4), (API_VERSIONS, 0, 3)]


def text(value):
    return struct.pack(">h", len(value)) + value.encode()


class Reader:
    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, form):
        values = struct.unpack_from(">" + form, self.data, self.at)
        self.at += struct.calcsize(">" + form)
        return values[0]

    def raw(self, size):
        self.at += max(size, 0)
        return self.data[self.at - max(size, 0) : self.at]


class Broker:
    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.captured = []
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            connection, _ = self.listener.accept()
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        stream = connection.makefile("rb")
        while True:
            prefix = stream.read(4)
            if len(prefix) < 4:
                return
            request = Reader(stream.read(struct.unpack(">i", prefix)[0]))
            key, version, correlation = request.take("h"), request.take("h"), request.take("i")
            request.raw(request.take("h"))
            body = {API_VERSIONS: self.api_versions, METADATA: self.metadata, PRODUCE: self.produce}[key]
            answer = struct.pack(">i", correlation) + body(version, request)
            connection.sendall(struct.pack(">i", len(answer)) + answer)

    def api_versions(self, version, _request):
        if version >= 3:
            entries = b"".join(struct.pack(">hhhB", *api, 0) for api in VERSIONS)
            return struct.pack(">hB", 0, len(VERSIONS) + 1) + entries + struct.pack(">iB", 0, 0)
        entries = b"".join(struct.pack(">hhh", *api) for api in VERSIONS)
        return struct.pack(">hi", 0, len(VERSIONS)) + entries + (struct.pack(">i", 0) if version else b"")

    def metadata(self, version, _request):
        assert version == 4, version
        broker = struct.pack(">ii", 1, 1) + text("127.0.0.1") + struct.pack(">ih", self.port, -1)
        partition = struct.pack(">hiii", 0, 0, 1, 1) + struct.pack(">iii", 1, 1, 1)
        topic = struct.pack(">ih", 1, 0) + text(TOPIC) + struct.pack(">bi", 0, 1) + partition
        return struct.pack(">i", 0) + broker + struct.pack(">hi", -1, 1) + topic

    def produce(self, version, request):
        assert version == 7, version
        request.raw(request.take("h"))
        request.take("h"), request.take("i")
        assert request.take("i") == 1
        request.raw(request.take("h"))
        assert request.take("i") == 1
        assert request.take("i") == 0
        self.captured.append(request.raw(request.take("i")))
        partition = struct.pack(">ihqqq", 0, 0, 0, -1, 0)
        return struct.pack(">i", 1) + text(TOPIC) + struct.pack(">i", 1) + partition + struct.pack(">i", 0)


def encode(broker, case, codec="none"):
    # A long linger puts all records of a case into one batch; flush cuts it short.
    producer = Producer({"bootstrap.servers": f"127.0.0.1:{broker.port}", "linger.ms": 500, "acks": 1,
                         "compression.type": codec})
    broker.captured.clear()
    for timestamp, key, value, headers in records(case):
        producer.produce(TOPIC, value, key, partition=0, timestamp=timestamp, headers=headers)
    assert producer.flush(10) == 0
    assert len(broker.captured) == 1, len(broker.captured)
    return broker.captured[0].hex()


broker = Broker()
# Producer ids come from a broker's InitProducerId, which this one does not have.
plain = [case for case in cases() if "producer_id" not in case]
vectors = {case["name"]: encode(broker, case) for case in filter(is_plain, plain)}
for codec in CODECS:
    packed = {f"{case['name']}, {codec}": encode(broker, case, codec) for case in filter(is_compressed, plain)}
    vectors |= {name: batch for name, batch in packed.items() if has_codec(batch)}
print(json.dumps(vectors, indent=1))
