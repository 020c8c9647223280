// kafkajs, as it is, on the package.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Cluster, kafka, kafkajs, reader, times } from './support.mjs';

test('what is produced is consumed, with keys and headers', async () => {
    const cluster = await Cluster.start({ topics: { rides: { partitions: 3, replicationFactor: 3 } } });
    const client = kafka(cluster);
    const producer = client.producer({ idempotent: true });
    await producer.connect();
    const messages = times(50, (n) => ({ key: `k${n % 7}`, value: `v${n}`, headers: { n: `${n}` } }));
    await producer.send({ topic: 'rides', messages, compression: kafkajs.CompressionTypes.GZIP });
    const { consumer, until } = await reader(client, 'readers', 'rides');
    const seen = await until(50);
    assert.deepEqual(seen.map((it) => it.value).sort(), messages.map((it) => it.value).sort());
    await consumer.disconnect();
    await producer.disconnect();
    await cluster.stop();
});

test('a group of two shares the partitions, and one goes on alone', async () => {
    const cluster = await Cluster.start({ topics: { rides: { partitions: 4, replicationFactor: 3 } } });
    const client = kafka(cluster);
    const first = await reader(client, 'pair', 'rides');
    const second = await reader(client, 'pair', 'rides');
    const group = () => cluster.summary().groups.find((it) => it.id === 'pair' || it.group === 'pair');
    const producer = client.producer();
    await producer.connect();
    let sent = 0;
    const send = async (count) => {
        const messages = times(count, (n) => ({ partition: n % 4, value: `${sent + n}` }));
        await producer.send({ topic: 'rides', messages });
        sent += count;
    };
    while (first.seen.length === 0 || second.seen.length === 0) {
        await send(4);
        await new Promise((resolve) => { setTimeout(resolve, 20); });
    }
    assert.ok(group(), JSON.stringify(cluster.summary().groups));
    await second.consumer.disconnect();
    const values = () => new Set([...first.seen, ...second.seen].map((it) => it.value));
    await send(4);
    while (values().size < sent) {
        await new Promise((resolve) => { setTimeout(resolve, 20); });
    }
    await first.consumer.disconnect();
    await producer.disconnect();
    await cluster.stop();
});

test('brokers are killed and restarted, and nothing acknowledged is lost', async () => {
    const cluster = await Cluster.start({
        topics: { rides: { partitions: 3, replicationFactor: 3, configs: { 'min.insync.replicas': 2 } } },
        configs: { 'broker.session.timeout.ms': 500, 'broker.heartbeat.interval.ms': 100 },
        watch: true,
    });
    const client = kafka(cluster, { retry: { initialRetryTime: 50, retries: 30 }, requestTimeout: 1_000 });
    const producer = client.producer({ idempotent: true, maxInFlightRequests: 1 });
    await producer.connect();
    const acknowledged = [];
    for (let n = 0; n < 60; n += 1) {
        if (n === 20) {
            cluster.command({ do: 'kill', node: 'broker-1' });
        } else if (n === 40) {
            cluster.command({ do: 'restart', node: 'broker-1' });
        }
        await producer.send({ topic: 'rides', acks: -1, messages: [{ partition: n % 3, value: `${n}` }] });
        acknowledged.push(`${n}`);
    }
    const { consumer, until } = await reader(client, 'after', 'rides');
    const seen = await until(60);
    assert.deepEqual(seen.map((it) => it.value).sort(), acknowledged.sort());
    assert.deepEqual(cluster.summary().violations, []);
    await consumer.disconnect();
    await producer.disconnect();
    await cluster.stop();
});

test('two clusters do not see one another', async () => {
    const clusters = await Promise.all([Cluster.start({ brokers: 1 }), Cluster.start({ brokers: 2, seed: 5 })]);
    for (const [index, cluster] of clusters.entries()) {
        const admin = kafka(cluster).admin();
        await admin.connect();
        await admin.createTopics({ topics: [{ topic: `only-${index}`, numPartitions: 2 }] });
        const found = (await admin.listTopics()).filter((name) => !name.startsWith('__'));
        assert.deepEqual(found, [`only-${index}`]);
        assert.equal((await admin.describeCluster()).brokers.length, index + 1);
        await admin.disconnect();
    }
    await Promise.all(clusters.map((cluster) => cluster.stop()));
});
