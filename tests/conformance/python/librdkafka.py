"""confluent-kafka, which is librdkafka."""

import sys

import rig
from confluent_kafka import (
    OFFSET_BEGINNING, TIMESTAMP_CREATE_TIME, AcknowledgeType, Consumer, ConsumerGroupType, KafkaError, KafkaException,
    Producer, ShareConsumer, TopicPartition,
)
from confluent_kafka.admin import (
    AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource, NewPartitions, NewTopic, ResourceType,
)
from rig import same, until

CODECS = ["none", "gzip", "snappy", "lz4", "zstd"]


def admin(server):
    return AdminClient({"bootstrap.servers": server.bootstrap})


def done(futures):
    """The results of an admin call."""
    return {key: future.result(rig.GIVE_UP_S) for key, future in futures.items()}


def create(server, topic, partitions):
    client = admin(server)
    done(client.create_topics([NewTopic(topic, partitions, 3)]))

    def led():
        found = client.list_topics(topic, rig.GIVE_UP_S).topics[topic].partitions
        return len(found) == partitions and all(it.leader > 0 for it in found.values())

    until("leaders", led)
    return topic


class Sender:
    """A producer that remembers what it was told, in the order of sending."""

    def __init__(self, bootstrap, **configs):
        configs = {name.replace("_", "."): value for name, value in configs.items()}
        self.producer = Producer({"bootstrap.servers": bootstrap, **configs})
        self.told = []

    def send(self, topic, value, key=None, **more):
        number = len(self.told)
        self.told.append(None)

        def on_delivery(error, message):
            self.told[number] = error or message

        self.producer.produce(topic, value, key, on_delivery=on_delivery, **more)
        self.producer.poll(0)
        return number

    def flush(self):
        same(self.producer.flush(rig.GIVE_UP_S), 0, "left unsent")
        for told in self.told:
            if isinstance(told, KafkaError):
                raise KafkaException(told)
        return self.told


def reader(bootstrap, **configs):
    configs = {name.replace("_", "."): value for name, value in configs.items()}
    return Consumer({
        "bootstrap.servers": bootstrap, "group.id": "nobody", "enable.auto.commit": False,
        "auto.offset.reset": "earliest", **configs,
    })


def checked(message):
    if message.error():
        raise KafkaException(message.error())
    return message


def read_all(bootstrap, topic, begin=OFFSET_BEGINNING):
    """All from there to the end as it is now."""
    consumer, found = reader(bootstrap), []
    known = consumer.list_topics(topic, rig.GIVE_UP_S).topics[topic].partitions
    for partition in known:
        low, end = consumer.get_watermark_offsets(TopicPartition(topic, partition), rig.GIVE_UP_S)
        place = max(begin, low)
        consumer.assign([TopicPartition(topic, partition, place)])
        while place < end:
            for message in consumer.consume(500, 0.2):
                found.append(checked(message))
                place = message.offset() + 1
    consumer.close()
    return found


def values(server, topic, begin=OFFSET_BEGINNING):
    return [it.value() for it in read_all(server.bootstrap, topic, begin)]


def send(server, topic, many, **configs):
    sender = Sender(server.bootstrap, **configs)
    for value in many:
        sender.send(topic, value, partition=0)
    return [it.offset() for it in sender.flush()]


def topics_are_created_and_described(server):
    create(server, "topics", 3)
    client = admin(server)
    found = client.list_topics(timeout=rig.GIVE_UP_S)
    same([len(it.replicas) for it in found.topics["topics"].partitions.values()], [3, 3, 3])
    same(sorted(found.brokers), [1, 2, 3])
    same(sorted(it.id for it in client.describe_cluster().result(rig.GIVE_UP_S).nodes), [1, 2, 3])
    try:
        done(client.create_topics([NewTopic("topics", 1, 1)]))
        raise AssertionError("created twice")
    except KafkaException as error:
        same(error.args[0].code(), KafkaError.TOPIC_ALREADY_EXISTS)


def every_codec_is_written_and_read(server):
    for codec in CODECS:
        topic = create(server, f"codec-{codec}", 1)
        wanted = rig.sample(codec)
        sender = Sender(server.bootstrap, compression_type=codec, linger_ms=20)
        for key, value, headers in wanted:
            sender.send(topic, value, key, partition=0, headers=headers)
        sender.flush()
        found = read_all(server.bootstrap, topic)
        same([(it.key(), it.value(), it.headers() or []) for it in found], wanted, codec)
        same([it.offset() for it in found], list(range(len(wanted))), codec)


def keys_choose_partitions(server):
    topic = create(server, "keyed", 6)
    sender = Sender(server.bootstrap)
    for n in range(100):
        sender.send(topic, b"%d" % n, f"k{n % 20}".encode())
    for n in range(100):
        sender.send(topic, b"%d" % n)
    where = [it.partition() for it in sender.flush()[:100]]
    same(where, where[:20] * 5)
    assert len(set(where)) > 3
    same(len(values(server, topic)), 200)


def the_idempotent_producer_is_acknowledged(server):
    topic = create(server, "idempotent", 1)
    many = [b"%d" % n for n in range(200)]
    for acks in [0, 1]:
        send(server, topic, many, acks=acks)
    until("acks=0 is there", lambda: len(values(server, topic)) == 400)
    told = send(server, topic, many, enable_idempotence=True, batch_num_messages=5)
    same(told, list(range(400, 600)))


def reading_begins_where_one_likes(server):
    topic = create(server, "places", 1)
    sender = Sender(server.bootstrap)
    for n in range(10):
        sender.send(topic, b"%d" % n, partition=0, timestamp=1_000_000 + n * 1_000)
    sender.flush()
    same(values(server, topic, 7), [b"7", b"8", b"9"])
    consumer = reader(server.bootstrap)

    def found(timestamp):
        return consumer.offsets_for_times([TopicPartition(topic, 0, timestamp)], rig.GIVE_UP_S)[0].offset

    same(found(1_004_500), 5)
    times = [it.timestamp() for it in read_all(server.bootstrap, topic, 5)]
    same(times, [(TIMESTAMP_CREATE_TIME, it) for it in range(1_005_000, 1_010_000, 1_000)])
    same(found(2_000_000), -1, "after the last")
    same(consumer.get_watermark_offsets(TopicPartition(topic, 0), rig.GIVE_UP_S), (0, 10))
    consumer.assign([TopicPartition(topic, 0, 99)])
    same(checked(until("out of range begins again", lambda: consumer.poll(0.2))).offset(), 0)
    consumer.close()


def sends_to_all(server, topic):
    sender = Sender(server.bootstrap)

    def send(values):
        for value in values:
            for partition in range(6):
                sender.send(topic, f"{value}-{partition}".encode(), partition=partition)
        sender.flush()

    return send


def a_group_of_two_becomes_three_and_one_dies(server):
    topic = create(server, "group", 6)
    rig.a_group_of_two_becomes_three_and_one_dies(server, __file__, topic, sends_to_all(server, topic))


def a_group_of_the_new_protocol_does_so_too(server):
    topic = create(server, "kip848", 6)
    send = sends_to_all(server, topic)
    rig.a_group_of_two_becomes_three_and_one_dies(server, __file__, topic, send, "consumer")


def a_group_of_the_new_protocol_is_described(server):
    topic = create(server, "kip848-described", 4)
    members = [rig.Member(__file__, server.bootstrap, topic, "described", "consumer") for _ in range(2)]
    client = admin(server)
    try:
        rig.shared(members, 4, "two share")

        def described():
            found = done(client.describe_consumer_groups(["described"]))["described"]
            return found if found.state.name == "STABLE" else None

        found = until("the group is stable", described)
        same(found.type.name, "CONSUMER")
        same(found.partition_assignor, "uniform")
        owned = sorted(it.partition for member in found.members for it in member.assignment.topic_partitions)
        same(owned, [0, 1, 2, 3])
        shall = sorted(it.partition for member in found.members for it in member.target_assignment.topic_partitions)
        same(shall, [0, 1, 2, 3])
        listed = client.list_consumer_groups(types={ConsumerGroupType.CONSUMER}).result(rig.GIVE_UP_S).valid
        assert "described" in [it.group_id for it in listed]
        done(client.create_partitions([NewPartitions(topic, 6)]))
        rig.shared(members, 6, "two share the new ones too")
    finally:
        for member in members:
            member.kill()


def a_group_migrates_while_it_works(server):
    topic = create(server, "migrating", 6)
    send = sends_to_all(server, topic)
    old = [rig.Member(__file__, server.bootstrap, topic, "migrating", "cooperative") for _ in range(2)]
    new = []
    try:
        rig.shared(old, 6, "two of the old protocol share")
        new.append(rig.Member(__file__, server.bootstrap, topic, "migrating", "consumer"))
        rig.shared(old + new, 6, "one of the new protocol gets its share")
        send(["a"])
        until("all is read", lambda: 6 == len({it for member in old + new for it in member.look().values}))
        old[0].stop()
        rig.shared(old[1:] + new, 6, "one of the old is gone")
        new.append(rig.Member(__file__, server.bootstrap, topic, "migrating", "consumer"))
        rig.shared(old[1:] + new, 6, "another new one")
        old[1].stop()
        rig.shared(new, 6, "all are new")
        old.append(rig.Member(__file__, server.bootstrap, topic, "migrating", "cooperative"))
        rig.shared(new + old[2:], 6, "an old one is back")
        for member in new:
            member.stop()
        rig.shared(old[2:], 6, "only the old one is left")
    finally:
        for member in old + new:
            member.kill()


def topics_of_the_new_protocol_are_matched_by_the_broker(server):
    create(server, "regex-one", 2)
    consumer = reader(server.bootstrap, group_id="matching", group_protocol="consumer")
    consumer.subscribe(["^regex-.*"])

    def assigned(wanted):
        consumer.poll(0.1)
        return sorted((it.topic, it.partition) for it in consumer.assignment()) == wanted

    one = [("regex-one", 0), ("regex-one", 1)]
    until("the topic is matched", lambda: assigned(one))
    consumer.close()


def who_commits_and_stops_goes_on_there(server):
    topic = create(server, "resume", 1)
    send(server, topic, [b"%d" % n for n in range(10)])
    found = []
    for end in [4, 7]:
        consumer = reader(server.bootstrap, group_id="resume")
        consumer.subscribe([topic])
        while len(found) < end:
            message = consumer.poll(0.2)
            if message is not None:
                found.append(checked(message).value())
        consumer.commit(offsets=[TopicPartition(topic, 0, end, metadata="so far")], asynchronous=False)
        consumer.close()
    same(found, [b"%d" % n for n in range(7)])
    consumer = reader(server.bootstrap, group_id="resume")
    (committed,) = consumer.committed([TopicPartition(topic, 0)], rig.GIVE_UP_S)
    same((committed.offset, committed.metadata), (7, "so far"))
    consumer.close()


def what_admins_ask_is_done(server):
    topic = create(server, "admin", 1)
    send(server, topic, [b"%d" % n for n in range(10)])
    client = admin(server)
    done(client.create_partitions([NewPartitions(topic, 3)]))
    until("three partitions", lambda: len(client.list_topics(topic).topics[topic].partitions) == 3)
    wanted = [ConfigEntry("retention.ms", "123456", incremental_operation=AlterConfigOpType.SET)]
    done(client.incremental_alter_configs([ConfigResource(ResourceType.TOPIC, topic, incremental_configs=wanted)]))

    def configs():
        (found,) = done(client.describe_configs([ConfigResource(ResourceType.TOPIC, topic)])).values()
        return found

    until("the config is set", lambda: configs()["retention.ms"].value == "123456")
    assert configs()["segment.bytes"].is_default
    deleted = done(client.delete_records([TopicPartition(topic, 0, 4)]))
    same([it.low_watermark for it in deleted.values()], [4])
    same(values(server, topic), [b"%d" % n for n in range(4, 10)])
    consumer = reader(server.bootstrap, group_id="asked")
    consumer.subscribe([topic])
    until("a record", lambda: consumer.poll(0.2))
    consumer.commit(offsets=[TopicPartition(topic, 0, 5)], asynchronous=False)
    described = done(client.describe_consumer_groups(["asked"]))["asked"]
    same((described.state.name, len(described.members)), ("STABLE", 1))
    consumer.close()

    def groups():
        return [it.group_id for it in client.list_consumer_groups().result(rig.GIVE_UP_S).valid]

    assert "asked" in groups()
    until("the group is empty", lambda: not done(client.describe_consumer_groups(["asked"]))["asked"].members)
    done(client.delete_consumer_groups(["asked"]))
    assert "asked" not in groups()
    done(client.delete_topics([topic]))
    until("the topic is gone", lambda: topic not in client.list_topics().topics)


def a_broker_dies_and_nothing_acknowledged_is_lost(server):
    topic = create(server, "survivor", 1)
    sender = Sender(server.bootstrap, acks="all", enable_idempotence=True)

    def send(number):
        sender.send(topic, b"%d" % number, partition=0)
        return sender.flush if number == 299 else lambda: None

    wanted = rig.nothing_acknowledged_is_lost(server, topic, send)
    same(values(server, topic), wanted)


def members_of_a_share_group_take_turns(server):
    topic = create(server, "shared", 2)
    configs = {
        "bootstrap.servers": server.bootstrap, "group.id": "sharers", "share.acknowledgement.mode": "explicit",
    }
    members, sender = [ShareConsumer(configs) for _ in range(2)], Sender(server.bootstrap)
    begun, accepted, deliveries = set(), [[], []], {}
    for member in members:
        member.subscribe([topic])

    def taken():
        for member, mine in zip(members, accepted):
            for message in member.poll(0.1):
                value = checked(message).value()
                if value == b"warm":
                    begun.add(message.partition())
                    member.acknowledge(message, AcknowledgeType.ACCEPT)
                    continue
                deliveries[value] = deliveries.get(value, 0) + 1
                if value == b"7" and deliveries[value] == 1:
                    member.acknowledge(message, AcknowledgeType.RELEASE)
                elif value == b"13":
                    member.acknowledge(message, AcknowledgeType.REJECT)
                else:
                    mine.append(value)
                    member.acknowledge(message, AcknowledgeType.ACCEPT)
        return sorted(int(value) for mine in accepted for value in mine)

    def warm():
        for partition in {0, 1} - begun:
            sender.send(topic, b"warm", partition=partition)
        taken()
        return begun == {0, 1}

    # A share group begins where the log ends.
    until("both partitions are shared", warm)
    for n in range(100):
        sender.send(topic, b"%d" % n, partition=n % 2)
    sender.flush()
    expected = [n for n in range(100) if n != 13]
    until("all are accepted", lambda: len(taken()) >= len(expected))
    same(taken(), expected, "each is accepted once")
    same([deliveries[b"7"], deliveries[b"13"]], [2, 1], "released once, rejected once")
    assert all(accepted), "both had some"
    for member in members:
        member.close()


def write(bootstrap, topic):
    written, line = rig.writable(set())
    sender = Sender(bootstrap, acks="all")
    for record in written:
        more = {name: record[name] for name in ("partition", "timestamp", "headers")}
        sender.send(topic, record["value"], record["key"], **more)
    sender.flush()
    print(line)


def read(bootstrap, topic):
    rig.print_records(
        (it.partition(), it.offset(), it.timestamp()[1], it.key(), it.value(), it.headers() or [])
        for it in read_all(bootstrap, topic)
    )


def member(bootstrap, topic, group, protocol="eager"):
    def consume(say, stopped):
        configs = {"enable.auto.commit": True, "auto.commit.interval.ms": 200, "group.id": group}
        if protocol == "consumer":
            configs["group.protocol"] = "consumer"
        else:
            configs.update({"session.timeout.ms": 2_000, "heartbeat.interval.ms": 200})
        if protocol == "cooperative":
            configs["partition.assignment.strategy"] = "cooperative-sticky"
        consumer, owned = reader(bootstrap, **configs), set()

        # Of the eager protocol it is told all of them, of the others what is new and what goes.
        def changed(more=(), fewer=()):
            owned.difference_update(it.partition for it in fewer)
            owned.update(it.partition for it in more)
            say(assigned=sorted(owned))

        consumer.subscribe(
            [topic],
            on_assign=lambda _, assigned: changed(more=assigned),
            on_revoke=lambda _, revoked: changed(fewer=revoked),
            on_lost=lambda _, lost: changed(fewer=lost),
        )
        while not stopped():
            message = consumer.poll(0.1)
            if message is not None:
                say(**rig.read_record(checked(message).partition(), message.offset(), message.value()))
        consumer.close()

    rig.member_main(consume)


NEW_PROTOCOL = [
    a_group_of_the_new_protocol_does_so_too,
    a_group_of_the_new_protocol_is_described,
    a_group_migrates_while_it_works,
    topics_of_the_new_protocol_are_matched_by_the_broker,
    members_of_a_share_group_take_turns,
]

if __name__ == "__main__":
    rig.main("confluent-kafka", sys.modules[__name__], NEW_PROTOCOL)
