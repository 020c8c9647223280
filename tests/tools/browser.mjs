// Starts Chromium through the Playwright that `make test` keeps in its cache.

import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';

import { root } from './serve.mjs';

const flags = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
    '--disable-background-networking', '--disable-component-update', '--disable-sync'];

export async function launch() {
    const wanted = JSON.parse(readFileSync(join(root, 'tests/e2e/package.json'), 'utf8'));
    const version = wanted.devDependencies['playwright-core'];
    const cache = process.env.XDG_CACHE_HOME || join(homedir(), '.cache');
    const home = join(cache, 'terrarium', `playwright-core-${version}`, 'package.json');
    if (!existsSync(home)) {
        throw new Error('playwright-core is not installed: `tests/tools/install.sh test` does it');
    }
    const { chromium } = createRequire(home)('playwright-core');
    return chromium.launch({ executablePath: findChromium(), args: flags });
}

function findChromium() {
    if (process.env.CHROMIUM) {
        return process.env.CHROMIUM;
    }
    for (const name of ['chromium', 'chromium-browser', 'google-chrome']) {
        for (const folder of (process.env.PATH ?? '').split(delimiter)) {
            if (folder && existsSync(join(folder, name))) {
                return join(folder, name);
            }
        }
    }
    throw new Error('there is no Chromium: install it, or name it with CHROMIUM=');
}
