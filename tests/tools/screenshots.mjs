// Takes pictures of the built page: `node screenshots.mjs [FOLDER [FRAGMENT]]`. The fragment is what
// follows the page's own URL, such as `#...` or `?...`; without it, the stage and the theatre are taken.

import { mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';

import { launch } from './browser.mjs';
import { root, serve } from './serve.mjs';

const sizes = [[1280, 720], [390, 844], [844, 390]];

const folder = resolve(process.argv[2] ?? join(root, 'target/screenshots'));
const places = process.argv[3] === undefined
    ? [['', ''], ['theatre-', '#theatre/scale-out'], ['theatre-many-', '#theatre/deploy-doubles']]
    : [['', process.argv[3]]];
mkdirSync(folder, { recursive: true });
const { url, close } = await serve(join(root, 'dist'), 0);
const browser = await launch();
for (const [width, height] of sizes) {
    for (const [colorScheme, [name, fragment]] of ['light', 'dark'].flatMap((it) => places.map((place) => [it, place]))) {
        const page = await browser.newPage({ viewport: { width, height }, colorScheme });
        page.on('console', (message) => message.type() === 'error' && console.error(message.text()));
        page.on('pageerror', (error) => console.error(String(error)));
        await page.goto(url + fragment);
        await page.waitForSelector('main, body > *:not(noscript)');
        if (name) {
            // Where something has been rebalanced.
            await page.waitForFunction(() => document.querySelector('.world') && !document.querySelector('.clock.busy'));
            await page.getByRole('radio', { name: 'round' }).click();
            for (let round = 0; round < 4; round++) {
                await page.keyboard.press('ArrowRight');
                await page.waitForTimeout(100);
                await page.waitForFunction(() => !document.querySelector('.clock.busy'));
            }
        }
        // Long enough for the first frames of whatever moves.
        await page.waitForTimeout(1500);
        const path = join(folder, `${name}${width}x${height}-${colorScheme}.png`);
        await page.screenshot({ path });
        console.log(path);
        await page.close();
    }
}
await browser.close();
await close();
