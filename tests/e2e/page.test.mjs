import assert from 'node:assert/strict';

import { test } from './harness.mjs';

test('the page comes up under its name', async ({ page }) => {
    assert.match(await page.title(), /^Terrarium/);
    await page.getByRole('heading', { name: 'Terrarium' }).first().waitFor();
});

test('the page comes up on a phone in the dark', {
    viewport: { width: 390, height: 844 },
    colorScheme: 'dark',
}, async ({ page }) => {
    await page.locator('main').waitFor();
    const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    assert.ok(overflow <= 0, `it is ${overflow} pixels too wide`);
});
