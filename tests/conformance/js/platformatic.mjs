// @platformatic/kafka: as an adapter for the stories, and as a program (see ../README.md).

import { randomUUID } from 'node:crypto';
import { pathToFileURL } from 'node:url';
import { encoded, inOrder, isMain, located, main, soon } from './harness.mjs';

const { Admin, Consumer, Producer, compressionsAlgorithms } = await import(
    pathToFileURL(located('@platformatic/kafka'))
);

const EARLIEST = -2n;
const LATEST = -1n;

const canonical = message => ({
    partition: message.partition,
    offset: Number(message.offset),
    timestamp: Number(message.timestamp),
    key: encoded(message.key),
    value: encoded(message.value),
    headers: message.headerEntries.map(([name, value]) => [name.toString(), encoded(value)]),
});

/** Runs of records within 24 days: it writes timestamps wrongly that are further from a batch's first. */
function nearby(records) {
    const runs = [];
    let first = -Infinity;
    for (const record of records) {
        const timestamp = record.timestamp ?? Date.now();
        if (Math.abs(timestamp - first) >= 2 ** 31) {
            runs.push([]);
            first = timestamp;
        }
        runs.at(-1).push(record);
    }
    return runs;
}

class Client {
    constructor(bootstrapBrokers) {
        this.options = {
            clientId: 'platformatic',
            bootstrapBrokers,
            retries: 200,
            retryDelay: 100,
            connectTimeout: 2000,
        };
        this.open = [];
    }

    keep(one) {
        this.open.push(one);
        return one;
    }

    admin() {
        this.theAdmin ??= this.keep(new Admin(this.options));
        return this.theAdmin;
    }

    async createTopic(topic, { partitions = 3, replicas = 3, configs = {} } = {}) {
        await this.admin().createTopics({
            topics: [topic],
            partitions,
            replicas,
            configs: Object.entries(configs).map(([name, value]) => ({ name, value: String(value) })),
        });
    }

    /** A producer, to be used for more than one send. */
    async producer({ idempotent = false } = {}) {
        const producer = this.keep(new Producer({ ...this.options, idempotent }));
        return {
            send: async (topic, records, { codec = 'none' } = {}) => {
                for (const run of nearby(records)) await send(topic, run, codec);
            },
        };
        function send(topic, records, codec) {
            return producer.send({
                acks: -1,
                compression: codec,
                messages: records.map(({ partition, timestamp, key, value, headers }) => ({
                    topic,
                    ...(partition === undefined ? {} : { partition }),
                    ...(timestamp === undefined ? {} : { timestamp: BigInt(timestamp) }),
                    key: key == null ? key : Buffer.from(key),
                    value: value == null ? value : Buffer.from(value),
                    // A name may come twice, as these keys are different objects.
                    headers: new Map(
                        (headers ?? []).map(([name, value]) => [
                            Buffer.from(name),
                            value == null ? value : Buffer.from(value),
                        ]),
                    ),
                })),
            });
        }
    }

    async produce(topic, records, options = {}) {
        const producer = await this.producer(options);
        await producer.send(topic, records, options);
    }

    /** From the beginning, or from `{ offsets: { 0: 5 } }`, or from `{ timestamp }`, to the end. */
    async read(topic, { offsets = {}, timestamp } = {}) {
        const consumer = new Consumer({ ...this.options, groupId: `read-${randomUUID()}`, maxWaitTime: 100 });
        const listed = async timestamp => (await consumer.listOffsets({ topics: [topic], timestamp })).get(topic);
        const ends = await listed(LATEST);
        const starts = (await listed(timestamp === undefined ? EARLIEST : BigInt(timestamp))).map(
            // Nothing is so young: the end.
            (offset, partition) => (offset < 0n ? ends[partition] : offset),
        );
        for (const [partition, offset] of Object.entries(offsets)) starts[partition] = BigInt(offset);
        const left = new Set(ends.keys().filter(partition => starts[partition] < ends[partition]));
        const records = [];
        if (left.size > 0) {
            const stream = await consumer.consume({
                topics: [topic],
                mode: 'manual',
                offsets: starts.map((offset, partition) => ({ topic, partition, offset })),
                autocommit: false,
            });
            const everything = (async () => {
                for await (const message of stream) {
                    const { partition, offset } = message;
                    if (offset < ends[partition]) records.push(canonical(message));
                    if (offset === ends[partition] - 1n) left.delete(partition);
                    if (left.size === 0) return;
                }
            })();
            await soon(`@platformatic/kafka reads ${topic}`, everything);
        }
        await consumer.close(true);
        return inOrder(records);
    }

    async member(topic, groupId, say) {
        const consumer = new Consumer({
            ...this.options,
            groupId,
            sessionTimeout: 2000,
            heartbeatInterval: 200,
            rebalanceTimeout: 5000,
            maxWaitTime: 100,
        });
        consumer.on('consumer:group:join', ({ assignments }) => {
            const mine = assignments.find(assigned => assigned.topic === topic);
            say({ assigned: [...(mine?.partitions ?? [])] });
        });
        const stream = await consumer.consume({
            topics: [topic],
            mode: 'committed',
            fallbackMode: 'earliest',
            autocommit: false,
        });
        const reading = (async () => {
            for await (const message of stream) {
                say(canonical(message));
                await message.commit();
            }
        })();
        reading.catch(error => {
            console.error(error);
            process.exit(1);
        });
        return { stop: () => consumer.close(true) };
    }

    async close() {
        await Promise.all(this.open.map(one => one.close()));
    }
}

export const adapter = {
    name: '@platformatic/kafka',
    program: 'platformatic',
    codecs: Object.keys(compressionsAlgorithms).filter(name => compressionsAlgorithms[name].available),
    cannot: [],
    open: async brokers => new Client(brokers),
};

if (isMain(import.meta.url)) await main(adapter);
