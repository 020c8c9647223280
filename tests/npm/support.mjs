// What the tests of the package share: the package as built, kafkajs, and a client that speaks bytes.

import { createRequire } from 'node:module';
import { join } from 'node:path';

import { folder, kafkajsHome } from './paths.mjs';

export { folder };

export const { Cluster } = await import(join(folder, 'index.js'));

export const kafkajs = createRequire(import.meta.url)(kafkajsHome);

/** kafkajs on a cluster. */
export function kafka(cluster, { name, ...options } = {}) {
    return new kafkajs.Kafka({
        clientId: name ?? 'test',
        brokers: cluster.bootstrapServers,
        socketFactory: name ? cluster.socketFactoryOf(name) : cluster.socketFactory,
        logLevel: kafkajs.logLevel.NOTHING,
        retry: { initialRetryTime: 50, retries: 10 },
        ...options,
    });
}

/** Collects what a group's member reads from a topic. */
export async function reader(client, groupId, topic, options = {}) {
    const consumer = client.consumer({ groupId, heartbeatInterval: 1_000, maxWaitTimeInMs: 100, ...options });
    await consumer.connect();
    await consumer.subscribe({ topic, fromBeginning: true });
    const seen = [];
    const waiting = [];
    await consumer.run({
        eachMessage: async ({ partition, message }) => {
            seen.push({ partition, offset: message.offset, value: message.value?.toString() });
            for (const wait of waiting) {
                wait();
            }
        },
    });
    const until = (count) => new Promise((resolve) => {
        const look = () => { if (seen.length >= count) resolve(seen); };
        waiting.push(look);
        look();
    });
    return { consumer, seen, until };
}

export const times = (count, make) => Array.from({ length: count }, (_, index) => make(index));

/** A request, with a header of version 1 and no client id. */
export function request(key, version, correlation, ...body) {
    const payload = Buffer.concat(body);
    const bytes = Buffer.alloc(14 + payload.length);
    bytes.writeInt32BE(10 + payload.length, 0);
    bytes.writeInt16BE(key, 4);
    bytes.writeInt16BE(version, 6);
    bytes.writeInt32BE(correlation, 8);
    bytes.writeInt16BE(-1, 12);
    payload.copy(bytes, 14);
    return bytes;
}

export const int32 = (value) => {
    const bytes = Buffer.alloc(4);
    bytes.writeInt32BE(value);
    return bytes;
};

export const string = (text) => {
    const bytes = Buffer.alloc(2 + text.length);
    bytes.writeInt16BE(text.length);
    bytes.write(text, 2);
    return bytes;
};

/** Resolves with what an event brings; rejects on `error` unless that is what is waited for. */
export const event = (socket, name) => new Promise((resolve, reject) => {
    socket.once(name, resolve);
    if (name !== 'error') {
        socket.once('error', reject);
    }
});

/** A socket to a broker, by its number from 1. */
export function open(cluster, broker, factory = cluster.socketFactory) {
    const [host, port] = (cluster.bootstrapServers[broker - 1] ?? `broker-${broker}:9092`).split(':');
    return factory({ host, port: Number(port) });
}
