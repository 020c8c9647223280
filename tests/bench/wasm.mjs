// The engine in wasm beside kafkajs under the same Node, in turns, and how fast a world runs there.
// Usage: wasm.mjs <folder with the bound kernels> <folder of kafkajs>; `make bench` does all of it.

import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import path from 'node:path';
import process from 'node:process';

const [kernelsHome, kafkajs] = process.argv.slice(2).map((folder) => path.resolve(folder));
const require = createRequire(import.meta.url);
const kernels = require(path.join(kernelsHome, 'kernels.js'));
const part = (name) => require(path.join(kafkajs, 'src', name));
const Record = part('protocol/recordBatch/record/v0');
const { RecordBatch } = part('protocol/recordBatch/v0');
const decodeBatch = part('protocol/recordBatch/v0/decoder');
const Decoder = part('protocol/decoder');
const Long = part('utils/long');

const ROUNDS = 15;
const ROUND_MS = 60;
const WARM_UP_MS = 600;

const ms = () => Number(process.hrtime.bigint()) / 1e6;
const median = (numbers) => numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)];

// As kafkajs' produce request makes its batches.
const KEY = Buffer.from('key-0001');
const VALUE = Buffer.alloc(92, 'v');
const encode = async (count) => {
    const records = [];
    for (let i = 0; i < count; i++) {
        records.push(Record({ offsetDelta: i, timestampDelta: i, key: KEY, value: VALUE, headers: {} }));
    }
    const batch = await RecordBatch({
        records,
        firstTimestamp: 1_000,
        maxTimestamp: 1_000 + count - 1,
        partitionLeaderEpoch: -1,
        lastOffsetDelta: count - 1,
        producerId: Long.fromValue(-1),
    });
    return batch.buffer;
};

// As its fetch response reads them.
const decode = async (bytes) => {
    const { records } = await decodeBatch(new Decoder(bytes));
    return records.reduce((sum, { key, value }) => sum + key.length + value.length, 0);
};

const repeat = (kernel) => async (times) => {
    for (let i = 0; i < times; i++) await kernel();
};

// How often a kernel runs in a round of about ROUND_MS. Before that it runs until everything in it is compiled.
const calibrate = async (kernel) => {
    const born = ms();
    for (let times = 1; ; ) {
        const start = ms();
        await kernel(times);
        const took = ms() - start;
        if (ms() - born > WARM_UP_MS) return Math.max(1, Math.round((times * ROUND_MS) / took));
        if (took < ROUND_MS / 2) times *= 2;
    }
};

// Milliseconds per run of each kernel: medians of rounds taken in turns, so that whatever slows the machine
// down meanwhile slows all of them. The ratios are medians too, of the first to each in the same turn.
const race = async (contenders) => {
    const times = [];
    for (const kernel of contenders) times.push(await calibrate(kernel));
    const took = contenders.map(() => []);
    for (let round = 0; round < ROUNDS; round++) {
        for (const [i, kernel] of contenders.entries()) {
            const start = ms();
            await kernel(times[i]);
            took[i].push((ms() - start) / times[i]);
        }
    }
    const ratios = took.map((mine) => median(mine.map((one, round) => one / took[0][round])));
    return { each: took.map(median), ratios };
};

const table = (head, rows) => {
    const all = [head, ...rows];
    const widths = head.map((_, column) => Math.max(...all.map((row) => row[column].length)));
    for (const row of all) {
        console.log(row.map((cell, i) => (i ? cell.padStart(widths[i]) : cell.padEnd(widths[i]))).join('  '));
    }
    console.log();
};

const rate = (perSecond) =>
    perSecond >= 1e6 ? `${(perSecond / 1e6).toFixed(2)} M` : `${(perSecond / 1e3).toPrecision(3)} k`;

const batches = async () => {
    const rows = [];
    for (const count of [1, 10, 100, 1_000]) {
        const batch = new kernels.Batch(count);
        const bytes = Buffer.from(batch.bytes());
        const content = count * (KEY.length + VALUE.length);
        assert.deepEqual(await encode(count), bytes, 'both make the same bytes');
        assert.equal(await decode(bytes), content);
        assert.equal(batch.decode(1), content);
        assert.equal(kernels.decode(bytes), content);
        const row = (name, { each, ratios }) =>
            rows.push([name, `${count}`, ...each.map((took) => rate((count / took) * 1e3)), `${ratios[1].toFixed(1)}×`]);
        row('encode', await race([(times) => batch.encode(times), repeat(() => encode(count))]));
        row('decode', await race([(times) => batch.decode(times), repeat(() => decode(bytes))]));
        row(
            'decode, bytes handed over',
            await race([repeat(() => kernels.decode(bytes)), repeat(() => decode(bytes))]),
        );
    }
    console.log('Records per second, of 100 bytes each; ours checks the CRC when it decodes, kafkajs does not');
    table(['', 'in a batch', 'wasm', 'kafkajs', 'faster'], rows);
};

const world = () => {
    const measure = (kernel, prepare = () => {}) => {
        for (const born = ms(); ms() - born < WARM_UP_MS; ) {
            const prepared = prepare();
            kernel(prepared);
            prepared?.free();
        }
        const took = [];
        let items = 0;
        for (let round = 0; round < ROUNDS; round++) {
            const prepared = prepare();
            const start = ms();
            items = kernel(prepared);
            took.push(ms() - start);
            prepared?.free();
        }
        return [`${items}`, `${median(took).toFixed(1)} ms`, rate((items / median(took)) * 1e3)];
    };
    const scrub = new kernels.Scrub();
    const entries = scrub.play_to(100_000);
    console.log('A world in wasm');
    table(['', 'items', 'median', 'per second'], [
        ['loaded, bare: events', ...measure(() => kernels.world_loaded())],
        ['loaded, with history: events', ...measure((run) => run.play(), () => new kernels.Scrub())],
        ['idle, 65 s of it: events', ...measure(() => kernels.world_idle())],
        [`jumps in ${entries} entries`, ...measure(() => scrub.jump(100))],
    ]);
};

await batches();
world();
