"""`ask.py keys` makes the keys; `ask.py vectors KEYS KAFKAJS` adds what librdkafka and kafka-python say."""

import ctypes
import glob
import json
import os
import random
import struct
import sys

# The largest count shows nearly the whole hash.
COUNTS = [12, 2147483647]
LIBRDKAFKA = ["murmur2", "murmur2_random", "consistent", "consistent_random", "fnv1a", "fnv1a_random"]


def make_keys():
    rng = random.Random(20)
    keys = [b"user-%d" % n for n in range(400)]
    keys += [struct.pack(">i", n) for n in range(-100, 200)]
    keys += [struct.pack(">q", rng.getrandbits(63)) for _ in range(200)]
    words = ["สวัสดี", "καλημέρα", "naïve", "日本", "🦀", "Straße", "\u0000", "\u00ff"]
    keys += [f"{word}{n}".encode() for word in words for n in range(50)]
    keys += [rng.randbytes(length) for length in range(1, 41) for _ in range(25)]
    keys += [bytes([byte]) for byte in range(256)]
    return [b""] + sorted(set(keys))


def ask_librdkafka(keys):
    import confluent_kafka

    package = os.path.dirname(confluent_kafka.__file__)
    library = ctypes.CDLL(glob.glob(os.path.join(package + ".libs", "librdkafka*.so*"))[0])
    said = {}
    for name in LIBRDKAFKA:
        choose = getattr(library, "rd_kafka_msg_partitioner_" + name)
        choose.restype = ctypes.c_int32
        choose.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_size_t, ctypes.c_int32,
                           ctypes.c_void_p, ctypes.c_void_p]
        # What it does with an empty key is chance, and needs a topic.
        skip = int(name == "consistent_random")
        said[name] = {str(count): [None] * skip + [choose(None, key, len(key), count, None, None) for key in keys[skip:]]
                      for count in COUNTS}
    return said


def ask_kafka_python(keys):
    from kafka.partitioner.default import DefaultPartitioner

    class Partitions:
        def __init__(self, count):
            self.count = count

        def __len__(self):
            return self.count

        def __getitem__(self, index):
            return index

    choose = DefaultPartitioner()
    return {"default": {str(count): [choose(key, Partitions(count), []) for key in keys] for count in COUNTS}}


def main():
    if sys.argv[1] == "keys":
        json.dump({"counts": COUNTS, "keys": [key.hex() for key in make_keys()]}, sys.stdout)
        return
    with open(sys.argv[2]) as file:
        keys = json.load(file)["keys"]
    with open(sys.argv[3]) as file:
        said = json.load(file)
    raw = [bytes.fromhex(key) for key in keys]
    said |= ask_librdkafka(raw) | ask_kafka_python(raw)
    # Partitioners that agree share their lists. The empty key, which comes first, may set them apart.
    groups = {}
    for name, lists in sorted(said.items()):
        rest = json.dumps({count: chosen[1:] for count, chosen in lists.items()})
        group = groups.setdefault(rest, {"empty": {}, "partitions": {c: l[1:] for c, l in lists.items()}})
        group["empty"][name] = {count: chosen[0] for count, chosen in lists.items()}
    out = {"keys": keys[1:], "groups": list(groups.values())}
    print(json.dumps(out, separators=(",", ":")).replace("[", "\n["))


main()
