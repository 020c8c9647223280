// What the page of bundled.test.mjs runs.

import { Kafka, logLevel } from 'kafkajs';
import { Cluster } from 'kafka-terrarium';

export async function run() {
    const cluster = await Cluster.start({
        topics: { rides: { partitions: 3, replicationFactor: 3 } },
        configs: { 'broker.session.timeout.ms': 500, 'broker.heartbeat.interval.ms': 100 },
    });
    const kafka = new Kafka({
        clientId: 'page',
        brokers: cluster.bootstrapServers,
        socketFactory: cluster.socketFactory,
        logLevel: logLevel.NOTHING,
        requestTimeout: 2_000,
        retry: { initialRetryTime: 50, retries: 30 },
    });
    const consumer = kafka.consumer({ groupId: 'readers', heartbeatInterval: 500, maxWaitTimeInMs: 100 });
    await consumer.connect();
    await consumer.subscribe({ topic: 'rides', fromBeginning: true });
    const values = new Set();
    await consumer.run({ eachMessage: async ({ message }) => { values.add(Number(message.value.toString())); } });
    const producer = kafka.producer({ idempotent: true, maxInFlightRequests: 1 });
    await producer.connect();
    // One at a time: where a batch for several brokers fails at one of them, kafkajs may not send that part
    // again once the partition has moved to a broker that took its own part.
    for (let n = 0; n < 40; n += 1) {
        if (n === 20) {
            cluster.command({ do: 'kill', node: 'broker-1' });
        }
        await producer.send({ topic: 'rides', acks: -1, messages: [{ partition: n % 3, value: `${n}` }] });
    }
    while (values.size < 40) {
        await new Promise((resolve) => { setTimeout(resolve, 20); });
    }
    const { brokers, groups } = cluster.summary();
    const found = {
        values: [...values],
        members: groups.find((group) => group.id === 'readers').members.length,
        brokersUp: brokers.filter((broker) => broker.up).length,
    };
    await producer.disconnect();
    await consumer.disconnect();
    await cluster.stop();
    return found;
}
