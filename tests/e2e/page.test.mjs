import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';

import { root } from '../tools/serve.mjs';
import { test } from './harness.mjs';

const status = (page) => page.locator('.status').innerText();
const digest = (page) => page.locator('.digest').innerText();
const button = (page, name) => page.getByRole('button', { name, exact: true });
// The page plays as soon as it is there; most stories begin standing still.
const still = async (page) => {
    if (await button(page, 'Pause').count()) {
        await button(page, 'Pause').click();
    }
    await button(page, 'Play').waitFor();
};

test('the page comes up under its name, and lives', async ({ page }) => {
    assert.match(await page.title(), /^Terrarium/);
    await page.getByRole('heading', { name: 'Terrarium' }).first().waitFor();
    await page.locator('.cell').first().waitFor();
    const before = await status(page);
    await page.waitForFunction((then) => document.querySelector('.status').innerText !== then, before);
});

test('pausing stops the world, playing moves it again', async ({ page }) => {
    await still(page);
    const stopped = await status(page);
    await page.waitForTimeout(200);
    assert.equal(await status(page), stopped);
    await button(page, 'Play').click();
    await page.waitForFunction((then) => document.querySelector('.status').innerText !== then, stopped);
});

test('a step back restores the digest', async ({ page }) => {
    await still(page);
    await button(page, 'Step').click();
    const first = await digest(page);
    await button(page, 'Step').click();
    assert.notEqual(await digest(page), first);
    await button(page, 'Step back').click();
    assert.equal(await digest(page), first);
    await page.locator('aside').getByRole('heading', { name: 'In words' }).waitFor();
});

test('a broker is killed through its menu, and undo brings it back', async ({ page }) => {
    await still(page);
    await button(page, 'Broker 1, up').click();
    await page.getByRole('menuitem', { name: 'Kill', exact: true }).click();
    await button(page, 'Broker 1, down').waitFor();
    await button(page, 'Undo').click();
    await button(page, 'Broker 1, up').waitFor();
});

test('the menu and the transport work from the keyboard', async ({ page }) => {
    await still(page);
    await page.locator('body').click({ position: { x: 300, y: 20 } });
    const before = await digest(page);
    await page.keyboard.press('ArrowRight');
    assert.notEqual(await digest(page), before);
    await page.keyboard.press('ArrowLeft');
    assert.equal(await digest(page), before);
    await button(page, 'Broker 2, up').focus();
    await page.keyboard.press('Enter');
    await page.getByRole('menuitem', { name: 'Kill', exact: true }).waitFor();
    await page.keyboard.press('Escape');
    assert.equal(await page.getByRole('menuitem').count(), 0);
    await page.keyboard.press('?');
    await page.getByRole('dialog', { name: 'Help' }).waitFor();
});

test('the gallery opens another scenario', async ({ page }) => {
    await button(page, 'Scenarios').click();
    await button(page, 'Hello, Kafka').click();
    await page.locator('.scenario', { hasText: 'Hello, Kafka' }).waitFor();
    await button(page, 'test-topic partition 0, leader epoch 0 · in sync 1 2 3').or(page.getByRole('button', { name: /^test-topic partition 0/ })).first().waitFor();
});

test('a shared link leads to the same place', async ({ page, context }) => {
    await still(page);
    await button(page, 'Broker 3, up').click();
    await page.getByRole('menuitem', { name: 'Kill', exact: true }).click();
    const shared = await digest(page);
    await button(page, 'Share').click();
    const link = await page.getByLabel('Link', { exact: true }).inputValue();
    const other = await context.newPage();
    await other.goto(link);
    await other.locator('.digest').waitFor();
    assert.equal(await digest(other), shared);
});

test('a file that cannot be read is named, with the place of what is wrong', async ({ page }) => {
    await button(page, 'Scenarios').click();
    const file = { name: 'bad.json', mimeType: 'application/json', buffer: Buffer.from('{"title": "t", "brokers": [}') };
    await page.locator('input[type=file]').setInputFiles(file);
    await page.getByRole('dialog', { name: 'This cannot be opened' }).getByText(/^bad\.json: line 1, column 28/).waitFor();
});

test('a link that cannot be read says so', { fragment: '#1-AAAA' }, async ({ page }) => {
    await page.getByRole('dialog', { name: 'This cannot be opened' }).getByText('damaged').waitFor();
});

test('what can be clicked has a name', async ({ page }) => {
    await still(page);
    for (const name of [/^rider-updates partition 0/, /^group dashboards/, /^dashboards-1/, /^producer riders/, /^Controller/]) {
        await page.getByRole('button', { name }).first().waitFor();
    }
    const nameless = await page.evaluate(() => [...document.querySelectorAll('button, [role=button]')]
        .filter((it) => !(it.getAttribute('aria-label') || it.textContent.trim())).length);
    assert.equal(nameless, 0);
    await page.getByRole('button', { name: /^record \d+ of rider-updates 0/ }).last().click();
    await page.locator('aside').getByText('location-update').first().waitFor();
});

for (const [width, height] of [[390, 844], [844, 390]]) {
    test(`nothing is too wide at ${width} × ${height}`, {
        viewport: { width, height },
        colorScheme: 'dark',
    }, async ({ page }) => {
        await page.locator('.cell').first().waitFor();
        const overflow = await page.evaluate(() => {
            const main = document.querySelector('main');
            return Math.max(document.documentElement.scrollWidth - innerWidth, main.scrollWidth - main.clientWidth);
        });
        assert.ok(overflow <= 0, `it is ${overflow} pixels too wide`);
    });
}

test('a first look loads little, and the rest comes when somebody uses the page', async ({ page }) => {
    const loaded = async () => (await page.evaluate(() => performance.getEntriesByType('resource')
        .concat(performance.getEntriesByType('navigation')).map((entry) => new URL(entry.name).pathname)));
    await page.locator('.cell').first().waitFor();
    await page.waitForTimeout(1_000);
    const first = (await loaded()).filter((path) => /\.(js|css|wasm)$/.test(path));
    assert.ok(!first.some((path) => path.endsWith('_rest.wasm')), first.join(' '));
    const sizes = first.map((path) => gzipSync(readFileSync(join(root, 'dist', path.split('/').pop())), { level: 9 }).length);
    const total = sizes.reduce((sum, size) => sum + size, 0);
    assert.ok(sizes.length >= 4 && total < 500_000, `${total} bytes: ${first.join(' ')}`);
    const rest = page.waitForResponse((response) => response.url().endsWith('_rest.wasm'));
    await page.mouse.move(400, 300);
    assert.equal((await rest).status(), 200);
});

test('the program tells nothing of the machine that built it', () => {
    const programs = readdirSync(join(root, 'dist')).filter((name) => name.endsWith('.wasm'));
    assert.equal(programs.length, 2);
    for (const name of programs) {
        const bytes = readFileSync(join(root, 'dist', name));
        assert.ok(![root, homedir()].some((path) => bytes.includes(path)), name);
    }
});

test('what is needed before the rest is there waits for it', async ({ page }) => {
    // Nothing can be fetched ahead: only the loader in the middle of the work is left.
    await page.evaluate(() => {
        globalThis.fetch = () => Promise.reject(new Error('not now'));
    });
    await page.getByRole('button', { name: 'Scenarios', exact: true }).click();
    await page.getByRole('dialog').waitFor();
    await page.keyboard.press('Escape');
    await still(page);
    await button(page, 'Broker 1, up').click();
    await page.getByRole('menuitem', { name: 'Kill', exact: true }).click();
    await button(page, 'Broker 1, down').waitFor();
});

test('a page whose rest cannot be had says so', async ({ page }) => {
    await page.evaluate(() => {
        globalThis.fetch = () => Promise.reject(new Error('not now'));
        XMLHttpRequest.prototype.send = () => {
            throw new Error('nor later');
        };
        for (let i = 0; i < 2; i++) {
            try {
                terrarium.load_rest();
            } catch {
                // The program stops where it needed the rest.
            }
        }
    });
    assert.match(await page.getByRole('alert').textContent(), /Load the page again/);
});

test('a scenario is opened at the partition that it wants to be looked at', async ({ page }) => {
    const topics = [{ name: 'a', partitions: 40 }, { name: 'b', partitions: 20 }];
    const open = async (world) => {
        await button(page, 'Scenarios').click();
        const file = { name: 'world.json', mimeType: 'application/json', buffer: Buffer.from(JSON.stringify(world)) };
        await page.locator('input[type=file]').setInputFiles(file);
    };
    await open({ title: 'Many', topics, look: { at_ms: 3_000, topic: 'b', partition: 7 } });
    await page.waitForFunction(() => document.getElementById('main').scrollTop > 500);
    const lane = page.getByRole('button', { name: /^b partition 7\b/ }).first();
    const [box, main] = [await lane.boundingBox(), await page.locator('#main').boundingBox()];
    assert.ok(box.y >= main.y && box.y + box.height <= main.y + main.height, `${box.y} in ${main.y}`);
    await open({ title: 'Few', topics: [{ name: 'c', partitions: 30 }] });
    await page.waitForFunction(() => document.getElementById('main').scrollTop === 0);
});
