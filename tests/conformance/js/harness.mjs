// A server of one's own, the programs that talk to it, and the records that all of them know.

import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const here = name => fileURLToPath(new URL(name, import.meta.url));
const root = here('../../..');
export const BINARY = process.env.TERRARIUM ?? join(root, 'target/debug/terrarium');
// Whoever waits longer than this waits for ever.
const GIVE_UP_MS = 60_000;

export const sleep = ms => new Promise(resolve => setTimeout(resolve, ms));

/** Asks until the answer is something, and returns it. */
export async function until(what, ask, giveUpMs = GIVE_UP_MS) {
    const end = Date.now() + giveUpMs;
    for (;;) {
        const answer = await ask();
        if (answer) return answer;
        if (Date.now() > end) throw new Error(`waited in vain: ${what}`);
        await sleep(20);
    }
}

/** Fails instead of waiting for ever. */
export function soon(what, promise, giveUpMs = GIVE_UP_MS) {
    let timer;
    const late = new Promise((_, reject) => {
        timer = setTimeout(() => reject(new Error(`waited in vain: ${what}`)), giveUpMs);
    });
    return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

/** What groups and the loss of a broker need is made quick; all else is as `terrarium serve` has it. */
const CONFIGS = {
    'broker.session.timeout.ms': 1500,
    'broker.heartbeat.interval.ms': 300,
    'group.initial.rebalance.delay.ms': 100,
    'group.min.session.timeout.ms': 500,
    'group.consumer.session.timeout.ms': 2000,
    'group.consumer.heartbeat.interval.ms': 200,
    'offsets.topic.num.partitions': 5,
};

/** A running `terrarium serve` on free ports. */
export class Server {
    static async start({ brokers = 3, configs = {}, record = false } = {}) {
        const folder = mkdtempSync(join(tmpdir(), 'terrarium-'));
        const scenario = join(folder, 'scenario.json');
        writeFileSync(scenario, JSON.stringify({
            title: 'conformance',
            cluster: { brokers, configs: { ...CONFIGS, ...configs } },
            network: { latency_ms: 0.05, jitter_ms: 0.02, bytes_per_ms: 12500000 },
        }));
        const server = new Server();
        server.folder = folder;
        server.recording = join(folder, 'session.jsonl');
        server.child = spawn(
            BINARY,
            ['serve', '--scenario', scenario, '--listen', '127.0.0.1:0', '--control', '127.0.0.1:0',
                ...(record ? ['--record', server.recording] : [])],
            { stdio: ['ignore', 'pipe', 'inherit'] },
        );
        const lines = createInterface({ input: server.child.stdout })[Symbol.asyncIterator]();
        const said = async start => {
            const { value } = await soon('the server starts', lines.next());
            if (!value?.startsWith(start)) throw new Error(`the server says: ${value}`);
            return value.slice(start.length);
        };
        server.bootstrap = await said('bootstrap.servers=');
        server.control = await said('control: ');
        return server;
    }

    get brokers() {
        return this.bootstrap.split(',');
    }

    async summary() {
        const answer = await fetch(new URL('summary', this.control));
        if (!answer.ok) throw new Error(await answer.text());
        return answer.json();
    }

    /** Commands as in the script of a scenario: `{ do: 'kill', node: 'broker-1' }`. */
    async command(...commands) {
        const answer = await fetch(new URL('commands', this.control), {
            method: 'POST',
            body: JSON.stringify(commands),
        });
        if (!answer.ok) throw new Error(await answer.text());
    }

    async end() {
        const ended = new Promise(resolve => this.child.once('exit', resolve));
        this.child.kill('SIGINT');
        await soon('the server ends', ended);
    }

    /** Leaves nothing behind. */
    forget() {
        this.child.kill('SIGKILL');
        rmSync(this.folder, { recursive: true, force: true });
    }

    async stop() {
        await this.end();
        this.forget();
    }
}

/** Where a module of a client is, among those that install.sh has installed. */
export function located(name) {
    const folder = process.env.CONFORMANCE_CLIENTS;
    if (folder === undefined) throw new Error('CONFORMANCE_CLIENTS: where clients are; run.sh sets it');
    return createRequire(join(folder, 'package.json')).resolve(name);
}

/** Those of the clients' programs that are written in JavaScript. */
export const program = name => [process.execPath, here(`${name}.mjs`)];

/** Those that are written in Python. */
export const python = name => [process.env.CONFORMANCE_PYTHON ?? 'python3', here(`../python/${name}.py`)];

/** Runs a client's program to its end; returns the JSON lines it printed. */
export async function run([command, ...args], ...more) {
    const child = spawn(command, [...args, ...more], { stdio: ['ignore', 'pipe', 'pipe'] });
    let out = '';
    let errors = '';
    child.stdout.setEncoding('utf8').on('data', data => (out += data));
    child.stderr.setEncoding('utf8').on('data', data => (errors += data));
    const ended = new Promise(resolve => child.once('close', (code, signal) => resolve(code ?? signal)));
    const code = await soon(`${args} ${more}`, ended).finally(() => child.kill('SIGKILL'));
    if (code !== 0) throw new Error(`${args} ${more} ended with ${code}:\n${errors}${out.slice(0, 2000)}`);
    return out.split('\n').filter(line => line !== '').map(line => JSON.parse(line));
}

/** A member of a group in a process of its own, which can be stopped or killed. */
export class Member {
    constructor([command, ...args], server, topic, group, ...more) {
        /** The partitions that it has at present; null before it has joined. */
        this.assigned = null;
        /** The records that it got, in the canonical form. */
        this.seen = [];
        /** All that it said, in order. */
        this.said = [];
        this.child = spawn(command, [...args, 'member', server.bootstrap, topic, group, ...more], {
            // Those in Python end with their input, too.
            stdio: ['pipe', 'pipe', 'inherit'],
        });
        this.ended = new Promise(resolve => this.child.once('close', code => resolve(code)));
        createInterface({ input: this.child.stdout }).on('line', line => {
            const said = JSON.parse(line);
            this.said.push(said);
            if (said.assigned) this.assigned = said.assigned;
            else this.seen.push(said);
        });
    }

    get values() {
        return this.seen.map(({ value }) => Buffer.from(value, 'base64').toString());
    }

    /** Leaves the group as one should. */
    async stop() {
        this.child.kill('SIGTERM');
        const code = await soon(`a member ends: ${this.child.spawnargs.slice(1).join(' ')}`, this.ended);
        if (code !== 0) throw new Error(`a member ended with ${code}`);
        this.assigned = [];
    }

    /** Is gone without a word. */
    async kill() {
        this.child.kill('SIGKILL');
        await this.ended;
        this.assigned = [];
    }
}

export const encoded = bytes => (bytes == null ? null : Buffer.from(bytes).toString('base64'));
export const decoded = text => (text === null ? null : Buffer.from(text, 'base64'));

/** The records that all clients write, as records.json has them, with the big ones written out. */
export function fixedRecords() {
    const { partitions, records } = JSON.parse(readFileSync(here('../records.json'), 'utf8'));
    for (const record of records) {
        const { value } = record;
        if (value !== null && typeof value === 'object') {
            record.value = Buffer.concat(Array(value.times).fill(decoded(value.repeat))).toString('base64');
        }
    }
    return { partitions, records };
}

/** What `main` of a client's program does: write, read, or be a member of a group. */
export async function main(adapter) {
    const [mode, bootstrap, topic, group] = process.argv.slice(2);
    const say = what => process.stdout.write(`${JSON.stringify(what)}\n`);
    const client = await adapter.open(bootstrap.split(','));
    if (mode === 'write') {
        const { records } = fixedRecords();
        const written = records.filter(({ needs }) => !needs || !adapter.cannot.includes(needs));
        const raw = written.map(record => ({
            ...record,
            key: decoded(record.key),
            value: decoded(record.value),
            headers: record.headers.map(([name, value]) => [name, decoded(value)]),
        }));
        await client.produce(topic, raw);
        const needs = records.filter(record => !written.includes(record)).map(record => record.needs);
        say({ written: written.length, left_out: [...new Set(needs)] });
    } else if (mode === 'read') {
        (await client.read(topic)).forEach(say);
    } else if (mode === 'member') {
        const member = await client.member(topic, group, say);
        await new Promise(resolve => process.once('SIGTERM', resolve));
        await member.stop();
    } else {
        throw new Error('write, read or member, then BOOTSTRAP TOPIC [GROUP]');
    }
    await client.close();
}

/** Ordered as `read` prints. */
export const inOrder = records =>
    records.sort((a, b) => a.partition - b.partition || a.offset - b.offset);

/** Whether this file is the program that was started. */
export const isMain = url => process.argv[1] === fileURLToPath(url);
