// What a real client did is recorded, and is the same run again on the command line and on the page.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

import { launch } from '../../tools/browser.mjs';
import { root, serve } from '../../tools/serve.mjs';
import { BINARY, Server, located } from './harness.mjs';
import { createRequire } from 'node:module';

const { Kafka, logLevel } = createRequire(import.meta.url)(located('kafkajs'));

/** Records produced, a broker killed, a group that reads: by kafkajs. */
async function session(server) {
    const kafka = new Kafka({ brokers: server.brokers, logLevel: logLevel.NOTHING, retry: { retries: 20 } });
    const admin = kafka.admin();
    await admin.connect();
    await admin.createTopics({ topics: [{ topic: 'orders', numPartitions: 2, replicationFactor: 3 }], waitForLeaders: true });
    await admin.disconnect();
    const producer = kafka.producer();
    await producer.connect();
    const send = async (n) => producer.send({ topic: 'orders', messages: [{ key: `k${n % 5}`, value: `order ${n}` }] });
    for (let n = 0; n < 20; n++) {
        await send(n);
    }
    await server.command({ do: 'kill', node: 'broker-2' });
    for (let n = 20; n < 40; n++) {
        await send(n);
    }
    const consumer = kafka.consumer({ groupId: 'readers' });
    await consumer.connect();
    await consumer.subscribe({ topic: 'orders', fromBeginning: true });
    const read = new Set();
    await new Promise((done, failed) => {
        consumer.run({
            eachMessage: async ({ message }) => {
                read.add(String(message.value));
                if (read.size === 40) {
                    done();
                }
            },
        }).catch(failed);
    });
    await consumer.disconnect();
    await producer.disconnect();
}

test('a session with kafkajs is the same run again, on the command line and on the page', async (t) => {
    const server = await Server.start({ record: true });
    let recording;
    let digest;
    try {
        await session(server);
        await server.end();
        recording = readFileSync(server.recording);
        digest = /"digest":"([0-9a-f]+)"/.exec(String(recording))?.[1];
        assert.match(digest, /^[0-9a-f]{16}$/);
        const again = JSON.parse(execFileSync(BINARY, ['run', server.recording, '--summary', 'json']));
        assert.equal(again.digest, digest);
        const { partitions } = again.topics.find(({ name }) => name === 'orders');
        assert.equal(partitions.reduce((sum, partition) => sum + partition.high_watermark, 0), 40);
    } finally {
        server.forget();
    }
    if (!existsSync(join(root, 'dist/index.html'))) {
        t.skip('there is no built page: `make build`');
        return;
    }
    const { url, close } = await serve(join(root, 'dist'), 0);
    const browser = await launch();
    try {
        const page = await browser.newPage({ viewport: { width: 1280, height: 720 } });
        await page.goto(url);
        await page.getByRole('button', { name: 'Scenarios', exact: true }).click();
        const file = { name: 'session.jsonl', mimeType: 'application/x-ndjson', buffer: recording };
        await page.locator('input[type=file]').setInputFiles(file);
        await page.getByText('orders 1').first().waitFor({ timeout: 60_000 });
        await page.getByLabel('Speed').fill('16');
        // It stops where the recording ends.
        await page.getByRole('button', { name: 'Play', exact: true }).waitFor({ timeout: 120_000 });
        assert.equal(await page.locator('.digest').innerText(), digest);
    } finally {
        await browser.close();
        await close();
    }
});
