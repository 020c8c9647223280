// Breaking things by hand: the faults of disks, links, clocks and messages, as menus offer them.

import assert from 'node:assert/strict';

import { test } from './harness.mjs';

const button = (page, name) => page.getByRole('button', { name, exact: true });
const item = (page, name) => page.getByRole('menuitem', { name, exact: true });

async function still(page) {
    await page.locator('.digest').waitFor();
    const pause = button(page, 'Pause');
    if (await pause.count() > 0) {
        await pause.click();
    }
}

const digest = (page) => page.locator('.digest').textContent();

test('a link is cut one way through a menu within the menu, and undo mends it', async ({ page }) => {
    await still(page);
    await button(page, 'Broker 1, up').click();
    await item(page, 'Link to broker-2 ›').click();
    await item(page, 'What broker-1 sends to broker-2 ›').click();
    await item(page, 'Cut the link this way only').click();
    await button(page, 'link 1 → 2 cut').waitFor();
    await button(page, 'Undo').click();
    assert.equal(await button(page, 'link 1 → 2 cut').count(), 0);
});

test('the next message of an API is delayed, by keyboard alone', async ({ page }) => {
    await still(page);
    const before = await digest(page);
    await button(page, 'Broker 1, up').focus();
    await page.keyboard.press('Enter');
    await item(page, 'Link to broker-2 ›').focus();
    await page.keyboard.press('Enter');
    await item(page, 'What broker-2 sends to broker-1 ›').focus();
    await page.keyboard.press('Enter');
    await item(page, 'Delay the next message …').focus();
    await page.keyboard.press('Escape');
    await item(page, 'Cut it, both ways').waitFor();
    await item(page, 'What broker-2 sends to broker-1 ›').focus();
    await page.keyboard.press('Enter');
    await item(page, 'Delay the next message …').focus();
    await page.keyboard.press('Enter');
    await page.getByLabel('Of which API').selectOption('Fetch');
    await page.getByLabel('Later by, in ms').fill('300');
    await page.keyboard.press('Enter');
    await page.locator('aside').getByText('be late with the next Fetch Request from broker-2 to broker-1').first().waitFor();
    assert.notEqual(await digest(page), before);
    await button(page, 'Undo').click();
    assert.equal(await digest(page), before);
});

test('a full disk ends its broker, and a clock and a disk are set', async ({ page }) => {
    await still(page);
    await button(page, 'Broker 1, up').click();
    await item(page, 'Slow disk …').click();
    await page.getByLabel('An fsync takes, in ms').fill('250');
    await page.keyboard.press('Enter');
    await button(page, 'Broker 1, up').click();
    await item(page, 'Wrong clock …').click();
    await page.keyboard.press('Enter');
    await button(page, 'Broker 1, up').click();
    await page.locator('.menu .facts').getByText('250 ms').waitFor();
    await page.locator('.menu .facts').getByText('60000 ms ahead').waitFor();
    await item(page, 'Fill the disk').click();
    await button(page, 'Play').click();
    await button(page, 'Broker 1, down').waitFor();
});

test('menus within menus fit on a phone', { viewport: { width: 390, height: 844 } }, async ({ page }) => {
    await still(page);
    // Something in flight may lie over it.
    await button(page, 'Broker 1, up').focus();
    await page.keyboard.press('Enter');
    await item(page, 'Link to broker-3 ›').click();
    await item(page, 'What broker-1 sends to broker-3 ›').click();
    await item(page, 'Lose the next message …').click();
    await page.getByLabel('How many').waitFor();
    const box = await page.locator('.menu').boundingBox();
    assert.ok(box.x >= 0 && box.x + box.width <= 390 && box.y >= 0 && box.y + box.height <= 844, JSON.stringify(box));
    await button(page, 'Back from Lose the next message').click();
    await item(page, 'Cut the link this way only').waitFor();
});
