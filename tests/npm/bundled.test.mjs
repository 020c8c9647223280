// kafkajs and the package in one bundle, in Chromium: Kafka and its client in a page.

import assert from 'node:assert/strict';
import { copyFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';

import { launch } from '../tools/browser.mjs';
import { serve } from '../tools/serve.mjs';
import { bundlerHome, folder, kafkajsHome } from './paths.mjs';

const { build } = createRequire(import.meta.url)(join(bundlerHome, 'esbuild'));

// Node's own modules that kafkajs asks for: those it uses in a page, and those it only names there.
const used = ['assert', 'buffer', 'events', 'util'];
const named = ['crypto', 'net', 'tls', 'zlib'];
const GLOBALS = `
    import { Buffer } from 'buffer';
    export { Buffer };
    export const global = globalThis;
    export const process = {
        env: {},
        hrtime: () => [Math.floor(performance.now() / 1_000), (performance.now() % 1_000) * 1e6],
    };
`;

async function bundle(source) {
    const dir = await mkdtemp(join(tmpdir(), 'terrarium-bundle-'));
    await writeFile(join(dir, 'globals.js'), GLOBALS);
    await writeFile(join(dir, 'empty.js'), 'export default {};');
    await build({
        stdin: { contents: source, resolveDir: dir },
        alias: {
            'kafka-terrarium': join(folder, 'index.js'),
            kafkajs: kafkajsHome,
            ...Object.fromEntries(used.map((name) => [name, join(bundlerHome, name)])),
            ...Object.fromEntries(named.map((name) => [name, join(dir, 'empty.js')])),
        },
        inject: [join(dir, 'globals.js')],
        bundle: true,
        format: 'esm',
        outfile: join(dir, 'bundle.js'),
        logLevel: 'error',
    });
    await copyFile(join(folder, 'world_bg.wasm'), join(dir, 'world_bg.wasm'));
    await writeFile(join(dir, 'index.html'), '<!doctype html><title>test</title>');
    return dir;
}

test('kafkajs produces and a group consumes in a page, while a broker dies', async () => {
    const dir = await bundle(await readFile(new URL('bundled.js', import.meta.url), 'utf8'));
    const [served, browser] = await Promise.all([serve(dir, 0), launch()]);
    try {
        const page = await browser.newPage();
        const problems = [];
        page.on('pageerror', (error) => problems.push(String(error)));
        await page.goto(served.url);
        const found = await page.evaluate(async (url) => (await import(url)).run(), `${served.url}bundle.js`);
        assert.deepEqual(problems, []);
        assert.deepEqual(found.values.sort((a, b) => a - b), Array.from({ length: 40 }, (_, n) => n));
        assert.equal(found.members, 1);
        assert.equal(found.brokersUp, 2);
    } finally {
        await browser.close();
        await served.close();
        await rm(dir, { recursive: true });
    }
});
