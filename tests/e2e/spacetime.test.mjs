import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';

import { test } from './harness.mjs';

const button = (page, name) => page.getByRole('button', { name, exact: true });
const status = (page) => page.locator('.status').innerText();
const plot = (page) => page.locator('#plot');
const span = (page) => page.locator('.zoomer output').innerText();
const summary = (page) => plot(page).getAttribute('aria-label');
const at = { fragment: '#spacetime/leader-dies' };
const ready = async (page) => {
    await page.locator('#plot .ray').first().waitFor();
};
// The middle of something drawn that can be hit: the head of an arrow.
const place = (page, selector) => page.evaluate((selector) => {
    const [, x, y] = /M([\d.]+),([\d.]+)L/.exec(document.querySelector(`#plot .space path.${selector}`).getAttribute('d'));
    const box = document.querySelector('#plot').getBoundingClientRect();
    return { x: box.x + Number(x), y: box.y + Number(y) - document.querySelector('#plot').scrollTop };
}, selector);

test('the diagram opens by its address, a line for each node and Kafka\'s names on arrows', at, async ({ page }) => {
    await ready(page);
    await page.getByRole('tab', { name: 'Space–time' }).and(page.locator('[aria-selected=true]')).waitFor();
    for (const name of ['controller', 'broker 1', 'broker 2', 'broker 3']) {
        await page.locator('#plot').getByRole('button', { name: new RegExp(`^${name}`) }).waitFor();
    }
    assert.ok(await page.locator('#plot .said').count() > 3);
    assert.match(await summary(page), /\d+ nodes, [1-9]\d* frames/);
});

test('it opens from the stage by button and by key, and follows the steps', async ({ page }) => {
    await page.getByRole('tab', { name: 'Space–time' }).click();
    await ready(page);
    await page.getByRole('tab', { name: 'Partitions' }).click();
    await page.locator('.cell').first().waitFor();
    await page.keyboard.press('s');
    await ready(page);
    await page.locator('#plot .present').waitFor({ state: 'attached' });
    const flag = () => page.locator('.flag-word').textContent();
    await page.keyboard.press('ArrowRight');
    const first = await flag();
    for (let step = 0; step < 40; step++) {
        await page.keyboard.press('ArrowRight');
    }
    assert.notEqual(await flag(), first);
    for (let step = 0; step < 40; step++) {
        await page.keyboard.press('ArrowLeft');
    }
    assert.equal(await flag(), first);
});

test('wheel, keys and buttons zoom; dragging pans', at, async ({ page }) => {
    await ready(page);
    const before = await span(page);
    await button(page, 'Zoom in').click();
    const near = await span(page);
    assert.notEqual(near, before);
    await page.keyboard.press('Shift+Z');
    assert.equal(await span(page), before);
    const box = await plot(page).boundingBox();
    await page.mouse.move(box.x + box.width / 2, box.y + box.height / 2);
    await page.mouse.wheel(0, 400);
    await page.waitForFunction((then) => document.querySelector('.zoomer output').innerText !== then, before);
    const here = await summary(page);
    await page.mouse.down();
    await page.mouse.move(box.x + box.width / 2 + 150, box.y + box.height / 2, { steps: 4 });
    await page.mouse.up();
    assert.notEqual(await summary(page), here);
    await button(page, 'All').click();
    assert.match(await span(page), / s| min/);
    await page.locator('#plot .bar').first().waitFor({ state: 'attached' });
    await page.getByText(/zoom in to see each/).waitFor();
});

test('two fingers zoom, one pans', { ...at, viewport: { width: 390, height: 844 }, hasTouch: true }, async ({ page, context }) => {
    await ready(page);
    const seconds = async () => {
        const [, number, unit] = /([\d.,]+) (ms|s|min)/.exec(await span(page));
        return Number(number.replace(',', '')) * { ms: 0.001, s: 1, min: 60 }[unit];
    };
    const box = await plot(page).boundingBox();
    const [x, y] = [box.x + box.width * 0.6, box.y + box.height / 2];
    const session = await context.newCDPSession(page);
    const touch = (type, ...places) => session.send('Input.dispatchTouchEvent', {
        type, touchPoints: places.map((place, id) => ({ x: place, y, id })),
    });
    const pinch = async (from, to) => {
        await touch('touchStart', x - from, x + from);
        for (let part = 1; part <= 8; part++) {
            const apart = from + (to - from) * part / 8;
            await touch('touchMove', x - apart, x + apart);
        }
        await touch('touchEnd');
    };
    const whole = await seconds();
    await pinch(20, 80);
    const near = await seconds();
    assert.ok(near < whole / 2, `${whole} s, then ${near} s`);
    await pinch(80, 20);
    assert.ok(await seconds() > near * 1.5, `${near} s, then ${await seconds()} s`);
    assert.equal(await page.locator('aside .chosen, .sheet-open').count(), 0, 'a pinch chooses nothing');
    const before = await summary(page);
    await touch('touchStart', x);
    for (let part = 1; part <= 6; part++) {
        await touch('touchMove', x - part * 15);
    }
    await touch('touchEnd');
    assert.notEqual(await summary(page), before);
});

test('a click shows the event in the inspector and lights its causes and effects', at, async ({ page }) => {
    await ready(page);
    const head = await place(page, 'barb');
    await page.mouse.click(head.x + 1, head.y + 1);
    await page.locator('aside').getByRole('heading', { name: 'In words' }).waitFor();
    await page.locator('#plot path.dim').first().waitFor({ state: 'attached' });
    assert.equal(await button(page, 'Both').getAttribute('aria-pressed'), 'true');
    await button(page, 'Causes').click();
    await page.getByText(/events? led to it$/).waitFor();
    await page.keyboard.press('c');
    assert.equal(await button(page, 'Effects').getAttribute('aria-pressed'), 'true');
    await page.keyboard.press('Escape');
    assert.equal(await page.locator('#plot path.dim').count(), 0);
});

test('what the filter leaves out is gone', at, async ({ page }) => {
    await ready(page);
    const rows = await page.locator('#plot .node').count();
    await button(page, 'Filter').click();
    await page.getByRole('checkbox', { name: 'controller' }).uncheck();
    assert.equal(await page.locator('#plot .node').count(), rows - 1);
    await page.getByRole('combobox', { name: 'Requests' }).selectOption({ index: 1 });
    await button(page, 'Show everything').click();
    assert.equal(await page.locator('#plot .node').count(), rows);
    for (const flow of ['produce', 'replicate', 'consume', 'groups', 'cluster']) {
        await page.locator('.space-legend').getByRole('button', { name: flow, exact: true }).click();
    }
    assert.equal(await page.locator('#plot .space .ray').count(), 0);
});

test('the axis moves the present', at, async ({ page }) => {
    await ready(page);
    const before = await status(page);
    const box = await page.locator('#plot .axis').boundingBox();
    await page.mouse.click(box.x + 300, box.y + 8);
    assert.notEqual(await status(page), before);
});

test('drawings, text and the trace can be taken along', at, async ({ page }) => {
    await ready(page);
    const saved = async (name) => {
        await button(page, 'Export').click();
        const [download] = await Promise.all([page.waitForEvent('download'), page.getByRole('menuitem', { name }).click()]);
        return readFileSync(await download.path());
    };
    assert.match((await saved('Diagram as SVG')).toString(), /^<svg [^]*broker 1[^]*<\/svg>\s*$/);
    assert.equal((await saved('Diagram as PNG')).subarray(1, 4).toString(), 'PNG');
    assert.match((await saved('Sequence for Mermaid')).toString(), /^sequenceDiagram\n[^]*n\d-?->>n\d: /);
    const trace = JSON.parse((await saved('Whole trace for Perfetto')).toString());
    assert.ok(trace.traceEvents.some(({ ph, cat }) => ph === 'X' && cat === 'request'));
});

test('a link to the diagram opens the diagram, at the same moment', at, async ({ page, context, url }) => {
    await ready(page);
    await page.keyboard.press('ArrowRight');
    const digest = await page.locator('.digest').innerText();
    await button(page, 'Share').click();
    const link = await page.evaluate(() => location.href);
    assert.ok(link.startsWith(`${url}#spacetime/1-`), link);
    const other = await context.newPage();
    await other.goto(link);
    await ready(other);
    assert.equal(await other.locator('.digest').innerText(), digest);
});

for (const [width, height] of [[390, 844], [844, 390], [1280, 720]]) {
    test(`the diagram fits at ${width} × ${height}`, { ...at, viewport: { width, height } }, async ({ page }) => {
        await ready(page);
        const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
        assert.ok(overflow <= 0, `it is ${overflow} pixels too wide`);
        const box = await plot(page).boundingBox();
        assert.ok(box.width > 200 && box.height > 90, JSON.stringify(box));
    });
}

test('two branches are seen beside each other, and where they part', at, async ({ page }) => {
    await ready(page);
    await button(page, 'Fork').click();
    await page.locator('#plot').getByRole('button', { name: /^broker 2/ }).click();
    await page.getByRole('menuitem', { name: 'Kill', exact: true }).click();
    for (let step = 0; step < 60; step++) {
        await page.keyboard.press('ArrowRight');
    }
    await page.getByRole('combobox', { name: 'Branch', exact: true }).selectOption({ index: 0 });
    for (let step = 0; step < 60; step++) {
        await page.keyboard.press('ArrowRight');
    }
    await page.getByRole('combobox', { name: 'Compare with another branch' }).selectOption({ index: 1 });
    await page.locator('#plot-other .ray').first().waitFor();
    const aside = page.locator('aside');
    await aside.getByRole('heading', { name: 'main and branch 2' }).waitFor();
    await aside.getByText('Broker 2 killed').first().waitFor();
    await aside.getByRole('row', { name: /broker 2 up down/ }).waitFor();
    assert.ok(await page.locator('.parted').count() >= 1);
    await page.getByRole('combobox', { name: 'Compare with another branch' }).selectOption({ index: 0 });
    assert.equal(await page.locator('#plot-other').count(), 0);
});

test('on a phone the inspector opens at the second touch', { ...at, viewport: { width: 390, height: 844 } }, async ({ page }) => {
    await ready(page);
    const head = await place(page, 'barb');
    await page.mouse.click(head.x + 1, head.y + 1);
    await page.locator('.space-tip').waitFor();
    assert.ok(!await page.locator('aside').isVisible());
    await page.waitForTimeout(600);
    await page.mouse.click(head.x + 1, head.y + 1);
    await page.locator('aside').getByRole('heading', { name: 'In words' }).waitFor();
});
