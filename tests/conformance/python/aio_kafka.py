"""aiokafka: asyncio."""

import asyncio
import sys

import rig
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRebalanceListener, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewPartitions, NewTopic, RecordsToDelete
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.structs import OffsetAndMetadata
from rig import same

CODECS = [None, "gzip", "snappy", "lz4", "zstd"]


class Null:
    """Stands for null where the client refuses a record of nothing at all, and its serializer may say so."""


def story(function):
    def run(server):
        asyncio.run(asyncio.wait_for(function(server), rig.GIVE_UP_S - 5))

    run.__name__ = function.__name__
    return run


async def until(what, holds):
    for _ in range(rig.GIVE_UP_S * 50):
        found = await holds()
        if found:
            return found
        await asyncio.sleep(0.02)
    raise AssertionError(f"never: {what}")


class Admin(AIOKafkaAdminClient):
    async def __aenter__(self):
        await self.start()
        return self

    async def __aexit__(self, *_):
        await self.close()


def admin(server):
    return Admin(bootstrap_servers=server.bootstrap)


async def create(server, topic, partitions):
    async with admin(server) as client:
        answer = await client.create_topics([NewTopic(topic, partitions, 3)])
        same([it[1] for it in answer.topic_errors], [0], "the topic's error")

        async def led():
            (found,) = await client.describe_topics([topic])
            return len(found["partitions"]) == partitions and all(it["leader"] > 0 for it in found["partitions"])

        await until("leaders", led)
    return topic


def producer(bootstrap, **configs):
    configs = {"acks": "all", "value_serializer": lambda data: None if data is Null else data, **configs}
    return AIOKafkaProducer(bootstrap_servers=bootstrap, **configs)


def reader(bootstrap, *topics, **configs):
    return AIOKafkaConsumer(*topics, bootstrap_servers=bootstrap, **{"auto_offset_reset": "earliest", **configs})


async def read_all(consumer):
    """All from where the consumer stands to the end as it is now."""
    async def assigned():
        return consumer.assignment()

    ends, found = await consumer.end_offsets(list(await until("partitions", assigned))), []
    while [place for place, end in ends.items() if await consumer.position(place) < end]:
        for polled in (await consumer.getmany(timeout_ms=200)).values():
            found += polled
    return found


async def values(server, topic):
    async with reader(server.bootstrap, topic) as consumer:
        return [it.value for it in await read_all(consumer)]


async def send(server, topic, many, **configs):
    async with producer(server.bootstrap, **configs) as it:
        sent = [await it.send(topic, value, partition=0) for value in many]
        return await asyncio.gather(*sent)


@story
async def topics_are_created_and_described(server):
    await create(server, "topics", 3)
    async with admin(server) as client:
        assert "topics" in await client.list_topics()
        (topic,) = await client.describe_topics(["topics"])
        same([len(it["replicas"]) for it in topic["partitions"]], [3, 3, 3])
        same(sorted(it["node_id"] for it in (await client.describe_cluster())["brokers"]), [1, 2, 3])
        answer = await client.create_topics([NewTopic("topics", 1, 1)])
        same([it[1] for it in answer.topic_errors], [36], "a topic that is there")


@story
async def every_codec_is_written_and_read(server):
    for codec in CODECS:
        topic = await create(server, f"codec-{codec}", 1)
        wanted = rig.sample(codec)
        async with producer(server.bootstrap, compression_type=codec, linger_ms=20) as it:
            for key, value, headers in wanted:
                await it.send(topic, value, key, partition=0, headers=headers)
        async with reader(server.bootstrap, topic) as consumer:
            found = await read_all(consumer)
        same([(it.key, it.value, list(it.headers)) for it in found], wanted, codec)
        same([it.offset for it in found], list(range(len(wanted))), codec)


@story
async def keys_choose_partitions(server):
    topic = await create(server, "keyed", 6)
    async with producer(server.bootstrap) as it:
        sent = [await it.send(topic, key=f"k{n % 20}".encode(), value=b"%d" % n) for n in range(100)]
        unkeyed = [await it.send(topic, value=b"%d" % n) for n in range(100)]
        where = [told.partition for told in await asyncio.gather(*sent)]
        await asyncio.gather(*unkeyed)
    same(where, where[:20] * 5)
    assert len(set(where)) > 3
    same(len(await values(server, topic)), 200)


@story
async def the_idempotent_producer_is_acknowledged(server):
    topic = await create(server, "idempotent", 1)
    for acks in [0, 1]:
        await send(server, topic, [b"%d" % n for n in range(200)], acks=acks)

    async def there():
        return len(await values(server, topic)) == 400

    await until("acks=0 is there", there)
    many = [b"%d" % n for n in range(200)]
    told = await send(server, topic, many, enable_idempotence=True, max_batch_size=500)
    same([it.offset for it in told], list(range(400, 600)))


@story
async def reading_begins_where_one_likes(server):
    topic = await create(server, "places", 1)
    async with producer(server.bootstrap) as it:
        for n in range(10):
            await it.send(topic, b"%d" % n, partition=0, timestamp_ms=1_000_000 + n * 1_000)
    place = TopicPartition(topic, 0)
    async with reader(server.bootstrap) as consumer:
        consumer.assign([place])
        consumer.seek(place, 7)
        same([it.value for it in await read_all(consumer)], [b"7", b"8", b"9"])
        found = (await consumer.offsets_for_times({place: 1_004_500}))[place]
        same((found.offset, found.timestamp), (5, 1_005_000))
        same((await consumer.offsets_for_times({place: 2_000_000}))[place], None)
        consumer.seek(place, found.offset)
        times = [it.timestamp for it in await read_all(consumer)]
        same(times, list(range(1_005_000, 1_010_000, 1_000)))
        same((await consumer.beginning_offsets([place]))[place], 0)
        same((await consumer.end_offsets([place]))[place], 10)
        consumer.seek(place, 99)
        same((await consumer.getone()).offset, 0, "out of range begins again")


def a_group_of_two_becomes_three_and_one_dies(server):
    topic = asyncio.run(create(server, "group", 6))

    async def send_all(many):
        async with producer(server.bootstrap) as it:
            for value in many:
                for partition in range(6):
                    await it.send(topic, f"{value}-{partition}".encode(), partition=partition)

    def send(many):
        asyncio.run(send_all(many))

    rig.a_group_of_two_becomes_three_and_one_dies(server, __file__, topic, send)


@story
async def who_commits_and_stops_goes_on_there(server):
    topic = await create(server, "resume", 1)
    await send(server, topic, [b"%d" % n for n in range(10)])
    place, found = TopicPartition(topic, 0), []
    for end in [4, 7]:
        async with reader(server.bootstrap, topic, group_id="resume", enable_auto_commit=False) as it:
            while len(found) < end:
                found.append(await it.getone())
            await it.commit({place: OffsetAndMetadata(end, "so far")})
    same([it.value for it in found], [b"%d" % n for n in range(7)])
    async with admin(server) as client:
        committed = (await client.list_consumer_group_offsets("resume"))[place]
        same((committed.offset, committed.metadata), (7, "so far"))


@story
async def what_admins_ask_is_done(server):
    topic = await create(server, "admin", 1)
    await send(server, topic, [b"%d" % n for n in range(10)])
    async with admin(server) as client:
        await client.create_partitions({topic: NewPartitions(3)})

        async def three():
            return len((await client.describe_topics([topic]))[0]["partitions"]) == 3

        await until("three partitions", three)
        await client.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic, {"retention.ms": "123456"})])

        async def retention():
            (answer,) = await client.describe_configs([ConfigResource(ConfigResourceType.TOPIC, topic)])
            configs = answer.resources[0][4]
            return [it[1] for it in configs if it[0] == "retention.ms"] == ["123456"]

        await until("the config is set", retention)
        place = TopicPartition(topic, 0)
        same(await client.delete_records({place: RecordsToDelete(before_offset=4)}), {place: 4})
        same(await values(server, topic), [b"%d" % n for n in range(4, 10)])
        async with reader(server.bootstrap, topic, group_id="asked") as it:
            await it.getone()
            (described,) = await client.describe_consumer_groups(["asked"])
            (group,) = described.groups
            same((group[1], group[2], len(group[5])), ("asked", "Stable", 1))
        assert ("asked", "consumer") in [it[:2] for it in await client.list_consumer_groups()]
        await client.delete_topics([topic])

        async def gone():
            return topic not in await client.list_topics()

        await until("the topic is gone", gone)


def a_broker_dies_and_nothing_acknowledged_is_lost(server):
    topic = asyncio.run(create(server, "survivor", 1))
    loop = asyncio.new_event_loop()

    async def start():
        it = producer(server.bootstrap, enable_idempotence=True, retry_backoff_ms=20)
        await it.start()
        return it

    it = loop.run_until_complete(start())

    def send(number):
        future = loop.run_until_complete(it.send(topic, b"%d" % number, partition=0))
        return lambda: loop.run_until_complete(asyncio.wait_for(future, rig.GIVE_UP_S))

    try:
        wanted = rig.nothing_acknowledged_is_lost(server, topic, send)
    finally:
        loop.run_until_complete(it.stop())
        loop.close()
    same(asyncio.run(values(server, topic)), wanted)


def write(bootstrap, topic):
    written, line = rig.writable(set())

    async def run():
        async with producer(bootstrap) as it:
            sent = []
            for record in written:
                nothing = record["key"] is None and record["value"] is None
                sent.append(await it.send(
                    topic, Null if nothing else record["value"], record["key"], record["partition"],
                    record["timestamp"], record["headers"],
                ))
            await asyncio.gather(*sent)

    asyncio.run(run())
    print(line)


def read(bootstrap, topic):
    async def run():
        async with reader(bootstrap, topic) as consumer:
            return await read_all(consumer)

    found = asyncio.run(run())
    rig.print_records((it.partition, it.offset, it.timestamp, it.key, it.value, it.headers) for it in found)


class Listener(ConsumerRebalanceListener):
    def __init__(self, say):
        self.say = say

    def on_partitions_revoked(self, revoked):
        self.say(assigned=[])

    def on_partitions_assigned(self, assigned):
        self.say(assigned=sorted(place.partition for place in assigned))


def member(bootstrap, topic, group):
    async def consume(say, stopped):
        configs = {"session_timeout_ms": 2_000, "heartbeat_interval_ms": 200, "auto_commit_interval_ms": 200}
        async with reader(bootstrap, group_id=group, **configs) as it:
            it.subscribe([topic], listener=Listener(say))
            while not stopped():
                for polled in (await it.getmany(timeout_ms=100)).values():
                    for record in polled:
                        say(**rig.read_record(record.partition, record.offset, record.value))

    rig.member_main(lambda say, stopped: asyncio.run(consume(say, stopped)))


if __name__ == "__main__":
    rig.main("aiokafka", sys.modules[__name__])
