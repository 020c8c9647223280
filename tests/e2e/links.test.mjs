import assert from 'node:assert/strict';

import { test } from './harness.mjs';

const button = (page, name) => page.getByRole('button', { name, exact: true });
const chosen = (page, name) => page.getByRole('tab', { name }).and(page.locator('[aria-selected=true]'));
const digest = (page) => page.locator('.digest').innerText();

for (const [tab, word, seen] of [['Metrics', 'metrics', '.plots'], ['Brokers', 'brokers', '.operations']]) {
    test(`${tab} open by their address, with a scenario of the gallery`, { fragment: `#${word}/leader-dies` }, async ({ page }) => {
        await chosen(page, tab).waitFor();
        await page.locator('.scenario').getByText('The leader dies').waitFor({ state: 'attached' });
        await page.locator(seen).first().waitFor();
    });

    test(`what is shared from ${tab} leads back to them`, async ({ page, context }) => {
        await button(page, 'Scenarios').click();
        await button(page, 'Quotas delay, they do not refuse').click();
        await page.getByRole('tab', { name: tab }).click();
        await page.locator(seen).first().waitFor();
        await button(page, 'Share').click();
        const link = await page.getByLabel('Link').inputValue();
        assert.match(link, new RegExp(`#${word}/1-`));
        await button(page, 'Close').click();
        const moment = await digest(page);
        const other = await context.newPage();
        await other.goto(link);
        await chosen(other, tab).waitFor();
        await other.locator(seen).first().waitFor();
        assert.equal(await digest(other), moment);
        await other.close();
    });

    test(`${tab} by an address that leads nowhere say why`, { fragment: `#${word}/no-such-thing` }, async ({ page }) => {
        await page.getByRole('dialog').locator('.trouble').waitFor();
    });
}

test('the gallery has chapters, and finds what is typed', async ({ page }) => {
    await button(page, 'Scenarios').click();
    const dialog = page.getByRole('dialog', { name: 'Scenarios' });
    const cards = dialog.locator('.gallery button');
    const all = await cards.count();
    assert.ok(all >= 40, `${all} scenarios`);
    assert.equal(await dialog.locator('.chapter h3').first().innerText(), '1First steps');
    await dialog.getByRole('button', { name: 'Running a cluster' }).click();
    const heading = dialog.getByRole('heading', { name: 'Running a cluster' });
    await heading.and(page.locator(':focus')).waitFor();
    const finder = await dialog.locator('.finder').boundingBox();
    const place = await heading.boundingBox();
    assert.ok(place.y >= finder.y + finder.height, 'the heading is not covered');
    await dialog.getByLabel('Find a scenario').pressSequentially('leader ACKS=1');
    assert.equal(await dialog.getByLabel('Find a scenario').inputValue(), 'leader ACKS=1');
    await page.waitForFunction((all) => document.querySelectorAll('dialog .gallery button').length < all, all);
    assert.ok(await cards.count() >= 1);
    await dialog.getByLabel('Find a scenario').fill('acks=1 leader dies');
    await button(dialog, 'The leader dies, and acks=1').press('Enter');
    await page.locator('.scenario').getByText('The leader dies, and acks=1').waitFor({ state: 'attached' });
    await dialog.waitFor({ state: 'detached' });
});
