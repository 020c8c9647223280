// Runs every *.test.mjs of this folder, or those named as arguments, in one process and one Chromium.

import { readdirSync } from 'node:fs';
import { resolve } from 'node:path';

import { root } from '../tools/serve.mjs';
import { count } from './harness.mjs';

const here = resolve(root, 'tests/e2e');
const named = process.argv.slice(2).map((file) => resolve(file));
const all = readdirSync(here).filter((file) => file.endsWith('.test.mjs')).sort().map((file) => resolve(here, file));

for (const file of named.length > 0 ? named : all) {
    const before = count();
    await import(file);
    if (count() === before) {
        throw new Error(`${file} holds no test`);
    }
}
