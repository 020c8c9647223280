// The exhibit of ZooKeeper: its place in the view by broker, and fail-over measured in the page.

import assert from 'node:assert/strict';

import { test } from './harness.mjs';

const button = (page, name) => page.getByRole('button', { name, exact: true });
const measuring = (page) => page.getByRole('dialog', { name: 'How long fail-over takes' });

test('a scenario opens by its bare name', { fragment: '#zookeeper-broker-dies' }, async ({ page }) => {
    await page.locator('.scenario').getByText('On ZooKeeper, a broker dies').waitFor({ state: 'attached' });
    await page.getByRole('button', { name: /^ZooKeeper, up/ }).waitFor();
    assert.equal(await page.getByRole('dialog').count(), 0);
});

const byBroker = { fragment: '#brokers/zookeeper-broker-dies' };

test('ZooKeeper stands where the metadata log was, and misses who died', byBroker, async ({ page }) => {
    const sheet = page.getByRole('region', { name: 'ZooKeeper' });
    await sheet.getByText('the controller is broker 2, epoch 1').waitFor();
    assert.equal(await page.getByRole('region', { name: 'Metadata log' }).count(), 0);
    await sheet.getByText('/brokers/ids/1', { exact: true }).waitFor();
    for (let second = 0; second < 3; second++) {
        await page.keyboard.press('Shift+ArrowRight');
    }
    await sheet.getByText(/^nobody there/).waitFor();
    for (let second = 0; second < 5; second++) {
        await page.keyboard.press('Shift+ArrowRight');
    }
    await sheet.getByText('/brokers/ids/1', { exact: true }).waitFor({ state: 'detached' });
    await sheet.getByText(/"leader":[23].*"isr":\[2,3\]/).first().waitFor();
});

test('fail-over is measured in the page, stops and goes on, and is kept', { fragment: '#failover' }, async ({ page }) => {
    const dialog = measuring(page);
    const cells = dialog.getByRole('row', { name: /^10 / }).getByRole('cell');
    await page.waitForFunction(() => document.querySelector('.failover progress')?.value >= 4);
    const first = await cells.allInnerTexts();
    assert.equal(first.length, 4);
    for (const cell of first) {
        assert.match(cell, /^\d+ ms$/);
    }
    await button(dialog, 'Stop').click();
    const stopped = await dialog.getByRole('progressbar').getAttribute('value');
    const plots = dialog.getByRole('img');
    assert.match(await plots.first().getAttribute('aria-label'), /^A broker dies\. ZooKeeper with 10 partitions: \d+ ms\./);
    await dialog.getByRole('radio', { name: 'from the death' }).press('Space');
    const all = await cells.allInnerTexts();
    assert.match(all[0], /^1\d\.\d s$/, 'on ZooKeeper the session must expire');
    await page.waitForTimeout(300);
    assert.equal(await dialog.getByRole('progressbar').getAttribute('value'), stopped);
    await button(dialog, 'Close').click();
    await dialog.waitFor({ state: 'detached' });
    assert.equal(new URL(page.url()).hash, '');
    await page.getByRole('button', { name: /^ZooKeeper, up/ }).press('Enter');
    await page.getByRole('menuitem', { name: 'How long fail-over takes …' }).press('Enter');
    await dialog.waitFor();
    assert.equal(new URL(page.url()).hash, '#failover');
    assert.deepEqual(await cells.allInnerTexts(), first, 'the same numbers, at once');
});

for (const [name, viewport] of [['a projector', { width: 1280, height: 720 }], ['a phone', { width: 390, height: 844 }]]) {
    test(`fail-over fits on ${name}`, { fragment: '#failover', viewport }, async ({ page }) => {
        const dialog = measuring(page);
        await page.waitForFunction(() => document.querySelector('.failover progress')?.value >= 1);
        const wide = await dialog.evaluate((it) => it.scrollWidth - it.clientWidth);
        assert.ok(wide <= 1, `the dialog is ${wide} px too wide`);
    });
}
