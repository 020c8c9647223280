"""kafka-python: threads and blocking calls."""

import sys

import rig
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import ConfigResource, ConfigResourceType
from kafka.serializer import Serializer
from kafka.structs import OffsetAndMetadata
from rig import same, until

CODECS = [None, "gzip", "snappy", "lz4", "zstd"]


class Null:
    """Stands for null where the client refuses a record of nothing at all, and its serializer may say so."""


class NullSerializer(Serializer):
    def serialize(self, topic, headers, data):
        return None if data is Null else data


def admin(server):
    return KafkaAdminClient(bootstrap_servers=server.bootstrap)


def create(server, topic, partitions):
    with admin(server) as client:
        options = {"num_partitions": partitions, "replication_factor": 3}
        client.create_topics({topic: options}, wait_for_metadata=True)
    return topic


def producer(bootstrap, **configs):
    configs = {"acks": "all", "value_serializer": NullSerializer(), **configs}
    return KafkaProducer(bootstrap_servers=bootstrap, **configs)


def reader(bootstrap, **configs):
    return KafkaConsumer(bootstrap_servers=bootstrap, **{"auto_offset_reset": "earliest", **configs})


def read_partitions(consumer, topic):
    """All from where the consumer stands to the end as it is now."""
    partitions = [TopicPartition(topic, it) for it in sorted(consumer.partitions_for_topic(topic))]
    if not consumer.assignment():
        consumer.assign(partitions)
        consumer.seek_to_beginning()
    ends, found = consumer.end_offsets(list(consumer.assignment())), []
    while any(consumer.position(it) < end for it, end in ends.items()):
        for polled in consumer.poll(timeout_ms=200).values():
            found += polled
    return found


def values(server, topic):
    with reader(server.bootstrap) as consumer:
        return [it.value for it in read_partitions(consumer, topic)]


def send(server, topic, many, **configs):
    with producer(server.bootstrap, **configs) as it:
        sent = [it.send(topic, value, partition=0) for value in many]
        return [future.get(rig.GIVE_UP_S) for future in sent]


def topics_are_created_and_described(server):
    create(server, "topics", 3)
    with admin(server) as client:
        assert "topics" in client.list_topics()
        (topic,) = client.describe_topics(["topics"])
        same([len(it["replica_nodes"]) for it in topic["partitions"]], [3, 3, 3])
        brokers = client.describe_cluster()["brokers"]
        same(sorted(it["broker_id"] for it in brokers), [1, 2, 3])
        found = client.create_topics({"topics": {}}, raise_errors=False)
        same(found["topics"][0]["error_code"], 36, "a topic that is there")


def every_codec_is_written_and_read(server):
    for codec in CODECS:
        topic = create(server, f"codec-{codec}", 1)
        wanted = rig.sample(codec)
        with producer(server.bootstrap, compression_type=codec, linger_ms=20) as it:
            for key, value, headers in wanted:
                it.send(topic, value=value, key=key, headers=headers, partition=0)
        with reader(server.bootstrap) as consumer:
            found = read_partitions(consumer, topic)
        same([(it.key, it.value, list(it.headers)) for it in found], wanted, codec)
        same([it.offset for it in found], list(range(len(wanted))), codec)


def keys_choose_partitions(server):
    topic = create(server, "keyed", 6)
    with producer(server.bootstrap) as it:
        sent = [it.send(topic, key=f"k{n % 20}".encode(), value=b"%d" % n) for n in range(100)]
        unkeyed = [it.send(topic, value=b"%d" % n) for n in range(100)]
        where = [future.get(rig.GIVE_UP_S).partition for future in sent]
        assert all(future.get(rig.GIVE_UP_S).offset >= 0 for future in unkeyed)
    same(where, where[:20] * 5)
    assert len(set(where)) > 3
    same(len(values(server, topic)), 200)


def the_idempotent_producer_is_acknowledged(server):
    topic = create(server, "idempotent", 1)
    for acks in [0, 1]:
        send(server, topic, [b"%d" % n for n in range(200)], enable_idempotence=False, acks=acks)
    until("acks=0 is there", lambda: len(values(server, topic)) == 400)
    told = send(server, topic, [b"%d" % n for n in range(200)], enable_idempotence=True, batch_size=500)
    same([it.offset for it in told], list(range(400, 600)))


def reading_begins_where_one_likes(server):
    topic = create(server, "places", 1)
    with producer(server.bootstrap) as it:
        for n in range(10):
            it.send(topic, value=b"%d" % n, partition=0, timestamp_ms=1_000_000 + n * 1_000)
    place = TopicPartition(topic, 0)
    with reader(server.bootstrap) as consumer:
        consumer.assign([place])
        consumer.seek(place, 7)
        same([it.value for it in read_partitions(consumer, topic)], [b"7", b"8", b"9"])
        found = consumer.offsets_for_times({place: 1_004_500})[place]
        same((found.offset, found.timestamp), (5, 1_005_000))
        same(consumer.offsets_for_times({place: 2_000_000})[place], None)
        consumer.seek(place, found.offset)
        same([it.timestamp for it in read_partitions(consumer, topic)], list(range(1_005_000, 1_010_000, 1_000)))
        same(consumer.beginning_offsets([place])[place], 0)
        same(consumer.end_offsets([place])[place], 10)
        consumer.seek(place, 99)
        polled = until("out of range begins again", lambda: consumer.poll(timeout_ms=200))
        same(polled[place][0].offset, 0)


def a_group_of_two_becomes_three_and_one_dies(server):
    topic = create(server, "group", 6)
    with producer(server.bootstrap) as it:
        def send(values):
            for value in values:
                for partition in range(6):
                    it.send(topic, f"{value}-{partition}".encode(), partition=partition)
            it.flush()

        rig.a_group_of_two_becomes_three_and_one_dies(server, __file__, topic, send)


def who_commits_and_stops_goes_on_there(server):
    topic = create(server, "resume", 1)
    send(server, topic, [b"%d" % n for n in range(10)])
    place, found = TopicPartition(topic, 0), []
    for end in [4, 7]:
        with reader(server.bootstrap, group_id="resume", enable_auto_commit=False, max_poll_records=1) as it:
            it.subscribe([topic])
            until("the records", lambda: found.extend(take(it)) or len(found) == end)
            it.commit({place: OffsetAndMetadata(len(found), "so far", -1)})
    same([it.value for it in found], [b"%d" % n for n in range(7)])
    with admin(server) as client:
        committed = client.list_group_offsets("resume")["resume"][place]
        same((committed.offset, committed.metadata), (7, "so far"))


def take(consumer):
    return [record for polled in consumer.poll(timeout_ms=200).values() for record in polled]


def what_admins_ask_is_done(server):
    topic = create(server, "admin", 1)
    send(server, topic, [b"%d" % n for n in range(10)])
    with admin(server) as client:
        client.create_partitions({topic: 3})
        until("three partitions", lambda: len(client.describe_topics([topic])[0]["partitions"]) == 3)
        resource = ConfigResource(ConfigResourceType.TOPIC, topic, {"retention.ms": "123456"})
        client.alter_configs([resource])
        resource = ConfigResource(ConfigResourceType.TOPIC, topic)

        def retention():
            return client.describe_configs([resource], config_filter="all")["topic"][topic]["retention.ms"]

        until("the config is set", lambda: retention()["value"] == "123456")
        same(retention()["config_source"], "DYNAMIC_TOPIC_CONFIG")
        place = TopicPartition(topic, 0)
        same(client.delete_records({place: 4})[place]["low_watermark"], 4)
        same(values(server, topic), [b"%d" % n for n in range(4, 10)])
        dirs = client.describe_log_dirs([topic])
        same(len(dirs), 3)
        with reader(server.bootstrap, group_id="asked", enable_auto_commit=False) as it:
            it.subscribe([topic])
            until("a record", lambda: take(it))
            it.commit({place: OffsetAndMetadata(5, "", -1)})
            described = client.describe_groups(["asked"])["asked"]
            same((described["group_state"], len(described["members"])), ("Stable", 1))
        assert "asked" in [it["group_id"] for it in client.list_groups()]
        same(client.delete_groups(["asked"]), {"asked": "OK"}, "deleted groups")
        assert "asked" not in [it["group_id"] for it in client.list_groups()]
        client.delete_topics([topic])
        until("the topic is gone", lambda: topic not in client.list_topics())


def a_broker_dies_and_nothing_acknowledged_is_lost(server):
    topic = create(server, "survivor", 1)
    with producer(server.bootstrap, retries=1_000, delivery_timeout_ms=rig.GIVE_UP_S * 1_000) as it:
        def send(number):
            future = it.send(topic, b"%d" % number, partition=0)
            return lambda: future.get(rig.GIVE_UP_S)

        wanted = rig.nothing_acknowledged_is_lost(server, topic, send)
    same(values(server, topic), wanted)


def write(bootstrap, topic):
    written, line = rig.writable({"null header", "repeated null header"})
    with producer(bootstrap) as it:
        sent = []
        for record in written:
            nothing = record["key"] is None and record["value"] is None
            sent.append(it.send(
                topic, Null if nothing else record["value"], record["key"], record["headers"],
                record["partition"], record["timestamp"],
            ))
        for future in sent:
            future.get(rig.GIVE_UP_S)
    print(line)


def read(bootstrap, topic):
    with reader(bootstrap) as consumer:
        found = read_partitions(consumer, topic)
    rig.print_records((it.partition, it.offset, it.timestamp, it.key, it.value, it.headers) for it in found)


def member(bootstrap, topic, group):
    def consume(say, stopped):
        configs = {"session_timeout_ms": 2_000, "heartbeat_interval_ms": 200, "auto_commit_interval_ms": 200}
        with reader(bootstrap, group_id=group, **configs) as it:
            it.subscribe([topic])
            known = None
            while not stopped():
                for record in take(it):
                    say(**rig.read_record(record.partition, record.offset, record.value))
                assigned = sorted(place.partition for place in it.assignment())
                if assigned != known:
                    known = assigned
                    say(assigned=assigned)

    rig.member_main(consume)


if __name__ == "__main__":
    rig.main("kafka-python", sys.modules[__name__])
