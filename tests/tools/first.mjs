// Which functions of the program a first look runs: the page is opened and plays for a while in a document
// without a browser. `node first.mjs GLUE.js TALLY.wasm`, with the tally that split makes, prints their
// indices. It fails when the program that it plays asks for the rest. It needs happy-dom, which HAPPY_DOM
// names.

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

const [glue, tally] = process.argv.slice(2).map((path) => resolve(path));
const SECONDS = 10;
const FRAMES_PER_S = 60;

const require = createRequire(resolve(process.env.HAPPY_DOM, 'package.json'));
const { GlobalRegistrator } = await import(pathToFileURL(require.resolve('@happy-dom/global-registrator')));
GlobalRegistrator.register({ url: 'http://127.0.0.1/', width: 1280, height: 720 });
// As in a browser, the global object is a window.
Object.defineProperty(globalThis.Window, Symbol.hasInstance, { value: (it) => it === globalThis });
// Nothing is laid out here: whatever asks is told that it fills the window, a wide one and then a phone's.
let size = { clientWidth: 1280, clientHeight: 720 };
for (const name of Object.keys(size)) {
    Object.defineProperty(globalThis.HTMLElement.prototype, name, { get: () => size[name] });
}
globalThis.terrarium = {
    expect_rest() {},
    load_rest() {
        console.error(new Error('a first look asks for the rest').stack);
        process.exit(1);
    },
};

// The clock goes with the frames, whatever this machine has to do besides: what is seen is the same each
// time. Now and then a frame takes long, so that what the page does then is seen, too.
const FRAME_MS = 1_000 / FRAMES_PER_S;
let clock = 1_700_000_000_000;
let slow = false;
Date.now = () => Math.floor(slow ? clock += FRAME_MS : clock);

// Frames are drawn when asked for here, with the times that they would have.
let wanted = new Map();
let count = 0;
globalThis.requestAnimationFrame = (callback) => {
    wanted.set(++count, callback);
    return count;
};
globalThis.cancelAnimationFrame = (handle) => wanted.delete(handle);
const turn = () => new Promise((done) => setTimeout(done, 0));

const { default: init } = await import(pathToFileURL(glue));
const program = await init({ module_or_path: readFileSync(tally) });
for (let frame = 0; frame < SECONDS * FRAMES_PER_S; frame++) {
    await turn();
    clock += FRAME_MS;
    slow = frame % 97 === 96;
    if (frame === SECONDS * FRAMES_PER_S / 2) {
        size = { clientWidth: 390, clientHeight: 844 };
        globalThis.dispatchEvent(new globalThis.Event('resize'));
    }
    const due = wanted;
    wanted = new Map();
    for (const [handle, callback] of due) {
        if (!wanted.has(handle)) {
            // Now and then a frame comes at once after another, and nothing has changed.
            callback((frame - (frame % 7 === 3)) * FRAME_MS);
        }
    }
}
if (!document.querySelector('.cell')) {
    throw new Error('the page shows no record: what it ran is no first look');
}
const seen = Object.keys(program).filter((name) => name.startsWith('seen:') && program[name].value);
process.stdout.write(seen.map((name) => `${name.slice('seen:'.length)}\n`).join(''), () => process.exit());
