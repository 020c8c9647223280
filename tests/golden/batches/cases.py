"""The cases, spelled out: what the Python scripts share."""

import json
import pathlib


CODECS = ["gzip", "snappy", "lz4", "zstd"]


def is_compressed(case):
    return case.get("compressed", False)


def is_plain(case):
    return case.get("compressed") != "only"


def has_codec(batch):
    """A client may leave alone what would not get smaller; its attributes say so."""
    return bytes.fromhex(batch)[22] & 7 != 0


def content(value):
    if value is None:
        return None
    if isinstance(value, str):
        return value.encode()
    return bytes.fromhex(value["hex"]) if "hex" in value else (value["of"] * value["times"]).encode()


def records(case):
    for record in case["records"]:
        headers = [(key, content(value)) for key, value in record.get("headers", [])]
        if "repeat" not in record:
            yield record["timestamp"], content(record["key"]), content(record["value"]), headers
            continue
        for i in range(record["repeat"]):
            key, value = (content(f"{record[name]}{i}") for name in ("key", "value"))
            yield record["timestamp"] + i * record["step"], key, value, headers


def cases():
    return json.loads((pathlib.Path(__file__).parent / "cases.json").read_text())
