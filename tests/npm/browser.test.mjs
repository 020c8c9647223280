// The package in a browser, without a bundler: Chromium loads its modules as they are.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { launch } from '../tools/browser.mjs';
import { serve } from '../tools/serve.mjs';
import { folder } from './support.mjs';

test('a cluster runs in a page, and answers', async () => {
    const served = await serve(folder, 0);
    const browser = await launch();
    try {
        const page = await browser.newPage();
        const problems = [];
        page.on('pageerror', (error) => problems.push(String(error)));
        await page.goto(`${served.url}package.json`);
        const found = await page.evaluate(async (url) => {
            const { Cluster } = await import(`${url}index.js`);
            const cluster = await Cluster.start({ topics: { rides: { partitions: 2, replicationFactor: 3 } } });
            const [host, port] = cluster.bootstrapServers[0].split(':');
            // ApiVersions, version 0.
            const asked = new Uint8Array([0, 0, 0, 10, 0, 18, 0, 0, 0, 0, 0, 7, 255, 255]);
            const answer = await new Promise((resolve, reject) => {
                const socket = cluster.socketFactory({ host, port: Number(port), onConnect: () => socket.write(asked) });
                socket.on('data', resolve).on('error', reject);
            });
            const summary = cluster.summary();
            await cluster.stop();
            return { answer: [...answer], brokers: summary.brokers.length, topics: summary.topics.map((it) => it.name ?? it.topic) };
        }, served.url);
        const bytes = Buffer.from(found.answer);
        assert.equal(bytes.readInt32BE(0), bytes.length - 4);
        assert.equal(bytes.readInt32BE(4), 7);
        assert.equal(bytes.readInt16BE(8), 0);
        assert.ok(bytes.readInt32BE(10) > 20, 'it speaks many kinds of request');
        assert.equal(found.brokers, 3);
        assert.ok(found.topics.includes('rides'));
        assert.deepEqual(problems, []);
    } finally {
        await browser.close();
        await served.close();
    }
});
