"""The cases as kafka-python encodes them."""

import json

from kafka.record.default_records import DefaultRecordBatchBuilder

from cases import cases, records

vectors = {}
for case in cases():
    builder = DefaultRecordBatchBuilder(
        magic=2,
        compression_type=0,
        is_transactional=case.get("transactional", False),
        producer_id=case.get("producer_id", -1),
        producer_epoch=case.get("producer_epoch", -1),
        base_sequence=case.get("base_sequence", -1),
        batch_size=1 << 20,
    )
    for offset, record in enumerate(records(case)):
        assert builder.append(offset, *record) is not None
    vectors[case["name"]] = bytes(builder.build()).hex()
print(json.dumps(vectors, indent=1))
