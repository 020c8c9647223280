// Every client's records read by every other: byte for byte what records.json says.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Server, fixedRecords, program, python, run } from './harness.mjs';
import { adapter as kafkajs } from './kafkajs.mjs';

/** What clients cannot say is known; whatever else they left out would be noticed. */
const CLIENTS = [
    { name: 'kafkajs', command: program('kafkajs'), cannot: ['null header', 'repeated null header'] },
    { name: 'platformatic', command: program('platformatic'), cannot: [] },
    { name: 'kafka_python', command: python('kafka_python'), cannot: ['null header', 'repeated null header'] },
    { name: 'aio_kafka', command: python('aio_kafka'), cannot: [] },
    { name: 'librdkafka', command: python('librdkafka'), cannot: [] },
];

const { partitions, records } = fixedRecords();

/** What is read of what a client has written. */
function expectation(cannot) {
    const next = Array(partitions).fill(0);
    const written = records.filter(({ needs }) => !cannot.includes(needs));
    const lines = written.map(({ partition, timestamp, key, value, headers }) => ({
        partition,
        offset: next[partition]++,
        timestamp,
        key,
        value,
        headers,
    }));
    return lines.sort((a, b) => a.partition - b.partition || a.offset - b.offset);
}

describe('one client reads what another wrote', { timeout: 300_000 }, () => {
    let server;
    before(async () => {
        server = await Server.start();
        const client = await kafkajs.open(server.brokers);
        for (const { name } of CLIENTS) {
            await client.createTopic(`from-${name}`, { partitions, configs: { 'retention.ms': -1 } });
        }
        await client.close();
    });
    after(() => server?.stop());

    for (const writer of CLIENTS) {
        const topic = `from-${writer.name}`;
        test(`${writer.name} writes`, async () => {
            const said = (await run(writer.command, 'write', server.bootstrap, topic)).at(-1);
            assert.deepEqual(said, { written: expectation(writer.cannot).length, left_out: writer.cannot });
        });
        for (const reader of CLIENTS) {
            test(`${reader.name} reads what ${writer.name} wrote`, async () => {
                const lines = await run(reader.command, 'read', server.bootstrap, topic);
                const expected = expectation(writer.cannot);
                lines.forEach((line, i) => assert.deepEqual(line, expected[i]));
                assert.equal(lines.length, expected.length);
            });
        }
    }
});
