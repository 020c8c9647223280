// kafkajs: as an adapter for the stories, and as a program (see ../README.md).

import { createRequire } from 'node:module';
import { randomUUID } from 'node:crypto';
import zlib from 'node:zlib';
import { encoded, inOrder, isMain, located, main, soon } from './harness.mjs';

const require = createRequire(import.meta.url);
const kafkajs = require(located('kafkajs'));
const { CompressionCodecs, CompressionTypes, Kafka, logLevel } = kafkajs;

CompressionCodecs[CompressionTypes.Snappy] = require(located('kafkajs-snappy'));
// kafkajs-lz4 has to be compiled; this need not.
const { lz4Compress, lz4Decompress } = require(located('@platformatic/wasm-utils'));
CompressionCodecs[CompressionTypes.LZ4] = () => ({
    compress: async encoder => lz4Compress(encoder.buffer),
    decompress: async buffer => lz4Decompress(buffer),
});
if (zlib.zstdCompressSync) {
    CompressionCodecs[CompressionTypes.ZSTD] = () => ({
        compress: async encoder => zlib.zstdCompressSync(encoder.buffer),
        decompress: async buffer => zlib.zstdDecompressSync(buffer),
    });
}

const CODECS = {
    none: CompressionTypes.None,
    gzip: CompressionTypes.GZIP,
    snappy: CompressionTypes.Snappy,
    lz4: CompressionTypes.LZ4,
    zstd: CompressionTypes.ZSTD,
};

/** Headers are an object, in which one name may have several values. */
function headersOf(pairs) {
    const headers = {};
    for (const [name, value] of pairs) {
        headers[name] = name in headers ? [headers[name], value].flat() : value;
    }
    return headers;
}

const pairsOf = headers =>
    Object.entries(headers ?? {}).flatMap(([name, values]) => [values].flat().map(value => [name, encoded(value)]));

const canonical = (partition, message) => ({
    partition,
    offset: Number(message.offset),
    timestamp: Number(message.timestamp),
    key: encoded(message.key),
    value: encoded(message.value),
    headers: pairsOf(message.headers),
});

class Client {
    constructor(brokers) {
        this.kafka = new Kafka({
            clientId: 'kafkajs',
            brokers,
            logLevel: logLevel.NOTHING,
            retry: { initialRetryTime: 50, retries: 30, maxRetryTime: 500 },
        });
        this.open = [];
    }

    async admin() {
        if (!this.theAdmin) {
            this.theAdmin = this.kafka.admin();
            await this.theAdmin.connect();
            this.open.push(this.theAdmin);
        }
        return this.theAdmin;
    }

    async createTopic(topic, { partitions = 3, replicas = 3, configs = {} } = {}) {
        const admin = await this.admin();
        const configEntries = Object.entries(configs).map(([name, value]) => ({ name, value: String(value) }));
        const one = { topic, numPartitions: partitions, replicationFactor: replicas, configEntries };
        await admin.createTopics({ topics: [one], waitForLeaders: true });
    }

    /** A producer, to be used for more than one send. */
    async producer({ idempotent = false } = {}) {
        const producer = this.kafka.producer({
            idempotent,
            maxInFlightRequests: 1,
            createPartitioner: kafkajs.Partitioners.DefaultPartitioner,
        });
        await producer.connect();
        this.open.push(producer);
        return {
            send: (topic, records, { codec = 'none' } = {}) =>
                producer.send({
                    topic,
                    acks: -1,
                    compression: CODECS[codec],
                    messages: records.map(({ partition, timestamp, key = null, value, headers }) => ({
                        ...(partition === undefined ? {} : { partition }),
                        ...(timestamp === undefined ? {} : { timestamp: String(timestamp) }),
                        key,
                        value,
                        headers: headersOf(headers ?? []),
                    })),
                }),
        };
    }

    async produce(topic, records, options = {}) {
        const producer = await this.producer(options);
        await producer.send(topic, records, options);
    }

    /** From the beginning, or from `{ offsets: { 0: 5 } }`, or from `{ timestamp }`, to the end. */
    async read(topic, { offsets, timestamp } = {}) {
        const admin = await this.admin();
        const ends = await admin.fetchTopicOffsets(topic);
        const starts = new Map(ends.map(({ partition, low }) => [partition, Number(low)]));
        if (timestamp !== undefined) {
            for (const { partition, offset } of await admin.fetchTopicOffsetsByTimestamp(topic, timestamp)) {
                starts.set(partition, Number(offset));
            }
        }
        Object.entries(offsets ?? {}).forEach(([partition, offset]) => starts.set(Number(partition), offset));
        const left = new Map(ends.map(({ partition, high }) => [partition, Number(high)]));
        for (const [partition, end] of left) {
            if (starts.get(partition) >= end) left.delete(partition);
        }
        if (left.size === 0) return [];
        const records = [];
        const consumer = this.kafka.consumer({ groupId: `read-${randomUUID()}`, maxWaitTimeInMs: 100 });
        await consumer.connect();
        await consumer.subscribe({ topics: [topic], fromBeginning: true });
        const everything = new Promise((resolve, reject) => {
            consumer.on('consumer.crash', ({ payload }) => reject(payload.error));
            const eachBatch = async ({ batch: { partition, messages }, resolveOffset }) => {
                for (const message of messages) {
                    const end = left.get(partition);
                    if (end === undefined || Number(message.offset) >= end) continue;
                    records.push(canonical(partition, message));
                    if (Number(message.offset) === end - 1) left.delete(partition);
                    resolveOffset(message.offset);
                }
                if (left.size === 0) resolve();
            };
            consumer.run({ autoCommit: false, eachBatch }).catch(reject);
        });
        starts.forEach((offset, partition) => consumer.seek({ topic, partition, offset: String(offset) }));
        await soon(`kafkajs reads ${topic}`, everything).finally(() => consumer.disconnect());
        return inOrder(records);
    }

    async member(topic, groupId, say) {
        const consumer = this.kafka.consumer({
            groupId,
            sessionTimeout: 2000,
            heartbeatInterval: 200,
            rebalanceTimeout: 5000,
            maxWaitTimeInMs: 100,
        });
        await consumer.connect();
        await consumer.subscribe({ topics: [topic], fromBeginning: true });
        consumer.on('consumer.group_join', ({ payload }) => {
            say({ assigned: payload.memberAssignment[topic] ?? [] });
        });
        await consumer.run({
            autoCommitThreshold: 1,
            eachMessage: async ({ partition, message }) => say(canonical(partition, message)),
        });
        return { stop: () => consumer.disconnect() };
    }

    async close() {
        await Promise.all(this.open.map(one => one.disconnect()));
    }
}

export const adapter = {
    name: 'kafkajs',
    program: 'kafkajs',
    codecs: Object.keys(CODECS).filter(name => name !== 'zstd' || zlib.zstdCompressSync),
    cannot: ['null header', 'repeated null header'],
    open: async brokers => new Client(brokers),
};

if (isMain(import.meta.url)) await main(adapter);
