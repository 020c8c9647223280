import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';

import { test } from './harness.mjs';

const button = (page, name) => page.getByRole('button', { name, exact: true });
const worlds = (page) => page.locator('.world');
const time = (page) => page.locator('.foot .time').innerText();
const score = async (page, world, name, list = 'Score so far') => {
    const rows = await worlds(page).nth(world).getByLabel(list).evaluate((list) => [...list.children].map((it) => it.innerText));
    return rows[rows.indexOf(name) + 1];
};
const states = (page) => page.locator('.states .on').allInnerTexts();
// Until the worlds are where they are to be opened.
const ready = async (page) => {
    await worlds(page).first().waitFor({ timeout: 60_000 });
    await drawn(page);
};
const frames = (page) => page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
// What a key found may be drawn with the frame after, and not all of it at once.
const drawn = async (page) => {
    await frames(page);
    await page.waitForFunction(() => !document.querySelector('.clock.busy') && document.querySelector('main[data-whole=true]'));
};
// A step, until it is taken: one to an event that is far away takes several frames.
const step = async (page, key = 'ArrowRight') => {
    await page.keyboard.press(key);
    await drawn(page);
};
const at = { fragment: '#theatre/scale-out' };

test('the theatre opens by its address, every world in the same moment', at, async ({ page }) => {
    await ready(page);
    assert.ok(await worlds(page).count() >= 2);
    assert.equal(await time(page), '00:08.000');
    assert.deepEqual([...new Set(await states(page))], ['Stable']);
    await page.getByRole('button', { name: '10 s · C joins' }).waitFor();
});

test('playing brings the members of the script in, and scores', at, async ({ page }) => {
    await ready(page);
    await button(page, 'Play').click();
    const three = () => document.querySelectorAll('.world:first-of-type .pin:not(.out)').length === 3;
    await page.waitForFunction(three, null, { timeout: 60_000 });
    await button(page, 'Pause').click();
    await drawn(page);
    const stopped = await time(page);
    await page.waitForTimeout(200);
    assert.equal(await time(page), stopped);
});

test('stepping by states goes on and back to the same moment', at, async ({ page }) => {
    await ready(page);
    await page.getByRole('radio', { name: 'state' }).click();
    const seen = [];
    for (let taken = 0; taken < 4; taken++) {
        await step(page);
        seen.push([await time(page), ...await states(page)].join(' '));
    }
    assert.match(seen[0], /Reconciling|Preparing/, seen.join(', '));
    assert.equal(new Set(seen).size, 4, seen.join(', '));
    for (let taken = 2; taken >= 0; taken--) {
        await step(page, 'ArrowLeft');
        assert.equal([await time(page), ...await states(page)].join(' '), seen[taken]);
    }
    await page.getByRole('heading', { name: 'In words' }).or(page.locator('.narration:not(:empty)')).first().waitFor();
});

test('a member that crashes here crashes everywhere, and the link opens that moment', at, async ({ page, context }) => {
    await ready(page);
    await button(page, '+ event').click();
    await button(page, 'B crashes').click();
    await drawn(page);
    assert.equal(await page.locator('.pin.out').count(), await worlds(page).count());
    await page.getByRole('radio', { name: 'request' }).click();
    await step(page);
    await step(page);
    const [moment, requests] = [await time(page), await score(page, 0, 'requests')];
    await button(page, 'Share this moment').click();
    const link = await page.getByLabel('Link', { exact: true }).inputValue();
    const other = await context.newPage();
    await other.goto(link);
    await ready(other);
    assert.equal(await time(other), moment);
    assert.equal(await score(other, 0, 'requests'), requests);
    assert.equal(await other.locator('.pin.out').count(), await worlds(page).count());
});

test('what was predicted is compared with what comes', at, async ({ page }) => {
    await ready(page);
    const asked = page.getByRole('group', { name: 'Predict' });
    assert.match(await asked.innerText(), /who will own p3 after C joins/);
    await asked.getByRole('button', { name: 'B', exact: true }).click();
    await page.getByRole('radio', { name: 'round' }).click();
    const told = page.getByRole('status').filter({ hasText: 'you said B' });
    for (let taken = 0; taken < 12 && !(await told.count()); taken++) {
        await step(page);
    }
    await told.waitFor();
    assert.equal(await page.locator('.told').count(), await worlds(page).count());
    // Before the event nothing is told, and after the answer the next event is asked about.
    await page.keyboard.press('Home');
    await told.waitFor({ state: 'detached' });
    assert.equal(await asked.getByRole('button', { name: 'B', exact: true }).getAttribute('aria-pressed'), 'true');
    await page.keyboard.press('End');
    await drawn(page);
    await button(page, 'next question').click();
    await drawn(page);
    assert.match(await asked.innerText(), /after D joins/);
});

test('what is done in the past begins another course, in every world', at, async ({ page }) => {
    await ready(page);
    await page.getByRole('radio', { name: 'round' }).click();
    await step(page);
    await step(page);
    const later = await time(page);
    await page.keyboard.press('Home');
    await drawn(page);
    assert.equal(await time(page), '00:08.000');
    await button(page, '+ event').click();
    await button(page, 'A leaves').click();
    await page.getByRole('button', { name: '8 s · A leaves' }).waitFor();
    await page.keyboard.press('End');
    await drawn(page);
    assert.ok(await time(page) < later, 'what had come before comes no more');
    await step(page);
    assert.equal(await page.locator('.pin.out').count(), await worlds(page).count());
});

test('at the beginning a step back changes nothing, and a step on goes to the next event', at, async ({ page }) => {
    await ready(page);
    await page.getByRole('radio', { name: 'round' }).click();
    for (let back = 0; back < 6; back++) {
        await step(page, 'ArrowLeft');
    }
    const first = await time(page);
    await step(page, 'ArrowLeft');
    assert.ok([first, '00:08.000'].includes(await time(page)));
    await step(page);
    assert.ok(await time(page) > first);
});

// As if a file was dropped on the page.
const drop = (page, text) => page.evaluate((text) => {
    const dataTransfer = new DataTransfer();
    dataTransfer.items.add(new File([text], 'mine.json', { type: 'application/json' }));
    document.querySelector('main').dispatchEvent(new DragEvent('drop', { dataTransfer, bubbles: true, cancelable: true }));
}, text);

test('a file that is dropped is played, and one that cannot be read says why', at, async ({ page }) => {
    await ready(page);
    await drop(page, '{"title": 3');
    await page.getByRole('dialog', { name: 'This cannot be opened' }).waitFor();
    await page.keyboard.press('Escape');
    assert.equal(await time(page), '00:08.000', 'what was there is still there');
    const file = readFileSync(new URL('../../static/scenarios/scale-in.json', import.meta.url), 'utf8');
    await drop(page, file.replace(/"title": "[^"]*"/, '"title": "My own"'));
    await page.locator('.scenario').getByText('My own').waitFor();
    await ready(page);
});

test('an event that is taken out of the script does not happen', at, async ({ page }) => {
    await ready(page);
    await page.getByRole('button', { name: 'Without “C joins”' }).focus();
    await page.keyboard.press('Enter');
    await ready(page);
    assert.equal(await page.getByRole('button', { name: '10 s · C joins' }).count(), 0);
    await page.getByRole('button', { name: '16 s · D joins' }).waitFor();
});

test('protocols are taken away and added', at, async ({ page }) => {
    await ready(page);
    const before = await worlds(page).count();
    await button(page, 'Protocols').click();
    await page.getByRole('checkbox', { name: 'Eager · sticky' }).click();
    await ready(page);
    assert.equal(await worlds(page).count(), before - 1);
    await page.getByRole('checkbox', { name: 'Eager · roundrobin' }).click();
    await ready(page);
    assert.equal(await worlds(page).count(), before);
});

test('clusters that elect in different ways have a score of elections', { fragment: '#theatre/zookeeper-or-kraft' }, async ({ page }) => {
    await ready(page);
    const elections = async (name) => Promise.all([0, 1].map(async (world) =>
        Number((await score(page, world, name, 'Elections so far')).replaceAll('\u202f', ''))));
    assert.deepEqual(await elections('no leader p·ms'), [0, 0]);
    for (let second = 0; second < 22; second += 1) {
        await step(page, 'Shift+ArrowRight');
    }
    const [zookeeper, kraft] = await elections('no leader p·ms');
    assert.ok(zookeeper > kraft && kraft > 0, `${zookeeper} ${kraft}`);
    const asked = await elections('to ZooKeeper');
    assert.ok(asked[0] > 0 && asked[1] === 0, asked.join());
});

test('strips, the sequence and the script can be taken along', at, async ({ page }) => {
    await ready(page);
    await page.getByRole('radio', { name: 'round' }).click();
    await step(page);
    const saved = async (name) => {
        await button(page, 'Export').click();
        const [download] = await Promise.all([page.waitForEvent('download'), button(page, name).click()]);
        return readFileSync(await download.path());
    };
    assert.match((await saved('Strips as SVG')).toString(), /^<svg [^]*Eager · range[^]*<\/svg>\s*$/);
    assert.equal((await saved('Strips as PNG')).subarray(1, 4).toString(), 'PNG');
    assert.match((await saved('Sequence as SVG')).toString(), /JoinGroup/);
    assert.match((await saved('Sequence for Mermaid')).toString(), /^sequenceDiagram\n[^]*C->>coordinator: JoinGroup/);
    const scenario = JSON.parse((await saved('Script as a scenario file')).toString());
    assert.equal(scenario.script.length, 2);
    assert.ok(scenario.compare.length >= 2);
});

test('from the stage and back, by button and by key', async ({ page }) => {
    await button(page, 'Rebalance').click();
    await ready(page);
    await page.keyboard.press('t');
    await page.locator('.cell').first().waitFor();
    await page.keyboard.press('t');
    await ready(page);
    await button(page, 'Stage').click();
    await page.locator('.cell').first().waitFor();
});

test('a place in the theatre that cannot be read says so', { fragment: '#theatre/nowhere' }, async ({ page }) => {
    await page.getByRole('dialog', { name: 'This cannot be opened' }).getByText('nowhere').waitFor();
});

test('everything that can be clicked has a name', at, async ({ page }) => {
    await ready(page);
    const nameless = await page.evaluate(() => [...document.querySelectorAll('button, [role=radio], [role=img]')]
        .filter((it) => !(it.getAttribute('aria-label') || it.textContent.trim())).length);
    assert.equal(nameless, 0);
    await page.getByRole('img', { name: /Eager · range; A stable, owns p0/ }).waitFor();
});

for (const [width, height] of [[390, 844], [844, 390], [1280, 720]]) {
    test(`the theatre is not too wide at ${width} × ${height}`, { ...at, viewport: { width, height } }, async ({ page }) => {
        await ready(page);
        const overflow = await page.evaluate(() => {
            const main = document.querySelector('main');
            return Math.max(document.documentElement.scrollWidth - innerWidth, main.scrollWidth - main.clientWidth);
        });
        assert.ok(overflow <= 0, `it is ${overflow} pixels too wide`);
    });
}
