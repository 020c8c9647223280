"""The cases as kafka-python encodes them."""

import json

from kafka.record.default_records import DefaultRecordBatchBuilder

from cases import CODECS, cases, has_codec, is_compressed, is_plain, records


def encode(case, codec):
    builder = DefaultRecordBatchBuilder(
        magic=2,
        compression_type=codec,
        is_transactional=case.get("transactional", False),
        producer_id=case.get("producer_id", -1),
        producer_epoch=case.get("producer_epoch", -1),
        base_sequence=case.get("base_sequence", -1),
        batch_size=1 << 20,
    )
    for offset, record in enumerate(records(case)):
        assert builder.append(offset, *record) is not None
    return bytes(builder.build()).hex()


vectors = {case["name"]: encode(case, 0) for case in filter(is_plain, cases())}
for number, codec in enumerate(CODECS, 1):
    for case in filter(is_compressed, cases()):
        batch = encode(case, number)
        if has_codec(batch):
            vectors[f"{case['name']}, {codec}"] = batch
print(json.dumps(vectors, indent=1))
