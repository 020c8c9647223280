// The cluster as an operator sees it: by broker, with the metadata log, and in metrics.

import assert from 'node:assert/strict';

import { test } from './harness.mjs';

const button = (page, name) => page.getByRole('button', { name, exact: true });

async function still(page) {
    await page.locator('.digest').waitFor();
    const pause = button(page, 'Pause');
    if (await pause.count() > 0) {
        await pause.click();
    }
}

async function fits(page) {
    const wide = await page.locator('main').evaluate((main) => main.scrollWidth - main.clientWidth);
    assert.ok(wide <= 1, `the page is ${wide} px too wide`);
}

test('a broker is killed in the view by broker, and its metadata record is opened up', async ({ page }) => {
    await still(page);
    await page.getByRole('tab', { name: 'Brokers' }).click();
    await button(page, 'Broker 1, up').click();
    await page.getByRole('menuitem', { name: 'Kill', exact: true }).click();
    await button(page, 'Broker 1, down').waitFor();
    const log = page.getByRole('region', { name: 'Metadata log' });
    await log.getByRole('button', { name: /^controller, the only controller, log end/ }).waitFor();
    await log.getByRole('button', { name: /PartitionRecord/ }).first().click();
    const aside = page.locator('aside');
    await aside.getByText('frameVersion').first().waitFor();
    await aside.getByText(/PartitionRecord v2 · partitionId/).first().waitFor();
});

test('the metrics say what moved them, and lead there', async ({ page }) => {
    await still(page);
    await button(page, 'Broker 1, up').click();
    await page.getByRole('menuitem', { name: 'Kill', exact: true }).click();
    await page.keyboard.press('m');
    for (let second = 0; second < 12; second++) {
        await page.keyboard.press('Shift+ArrowRight');
    }
    const plot = page.getByRole('region', { name: 'UnderReplicatedPartitions' });
    await plot.locator('.moved', { hasText: 'rose to' }).waitFor();
    assert.match(await plot.locator('.value').textContent(), /^[1-9]/);
    await plot.locator('.moved button').click();
    await page.locator('aside').getByRole('heading', { name: 'In words' }).waitFor();
    await page.getByRole('region', { name: 'Produce TotalTimeMs' }).getByText(/p50 .* · p99 /).waitFor();
});

for (const [name, viewport] of [['a projector', { width: 1280, height: 720 }], ['a phone', { width: 390, height: 844 }]]) {
    for (const fragment of ['#brokers', '#metrics']) {
        test(`${fragment} fits on ${name}`, { fragment, viewport }, async ({ page }) => {
            await page.locator('.operations').waitFor();
            await fits(page);
        });
    }
}
