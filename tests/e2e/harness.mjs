// What the tests of the page share: one server, one Chromium, and for each test a page of its own.
//
// The page is served below a sub-path, because that is how static hosts serve it. A test fails when the
// page logs an error, throws, or asks for anything that is not its own or not there; a picture of the
// page at that moment is left in target/e2e.

import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, test as nodeTest } from 'node:test';

import { launch } from '../tools/browser.mjs';
import { root, serve } from '../tools/serve.mjs';

const pictures = join(root, 'target/e2e');
const server = await serve(join(root, 'dist'), 0, '/some/where/');
const browser = await launch();
let registered = 0;

after(async () => {
    await browser.close();
    await server.close();
});

// How many tests there are so far.
export function count() {
    return registered;
}

// `test(name, async ({ page, url }) => …)` with the page already open, or
// `test(name, { fragment, viewport, colorScheme, … }, async …)`, where `fragment` follows the page's URL and
// the rest is what Playwright's newContext takes.
export function test(name, options, story) {
    if (story === undefined) {
        [options, story] = [{}, options];
    }
    registered += 1;
    nodeTest(name, { timeout: 120_000 }, () => run(name, options, story));
}

async function run(name, { fragment = '', ...options }, story) {
    const context = await browser.newContext({ viewport: { width: 1280, height: 720 }, ...options });
    const page = await context.newPage();
    const troubles = [];
    watch(page, troubles);
    try {
        await page.goto(server.url + fragment);
        await page.locator('main').first().waitFor({ timeout: 30_000 });
        await story({ page, context, url: server.url });
        assert.deepEqual(troubles, [], 'the page ran without errors');
    } catch (error) {
        mkdirSync(pictures, { recursive: true });
        const path = join(pictures, `${name.replaceAll(/[^a-zA-Z0-9]+/g, '-')}.png`);
        await page.screenshot({ path }).catch(() => {});
        for (const trouble of troubles) {
            console.error(`${name}: ${trouble}`);
        }
        throw error;
    } finally {
        await context.close();
    }
}

function watch(page, troubles) {
    page.on('console', (message) => {
        if (message.type() === 'error') {
            troubles.push(`console: ${message.text()}`);
        }
    });
    page.on('pageerror', (error) => troubles.push(`page: ${error}`));
    page.on('request', (request) => {
        const url = request.url();
        if (!url.startsWith(server.url) && !/^(data|blob):/.test(url)) {
            troubles.push(`a request to elsewhere: ${url}`);
        }
    });
    page.on('response', (response) => {
        if (response.status() >= 400) {
            troubles.push(`${response.status()}: ${response.url()}`);
        }
    });
}
