// A simulated Kafka cluster in this process. The world itself is WebAssembly (world.js); here are
// its sockets and its time, and what can be asked without a cluster.

import init, * as wasm from './world.js';
import { Socket } from './socket.js';
import { scenarioOf, inTheirWords } from './options.js';

// Taken before a test puts its own in their place: the cluster's time is its own affair.
const { setTimeout, clearTimeout, setImmediate, MessageChannel, performance } = globalThis;

/** Steps of the world between two looks at the sockets. */
const STEPS_AT_ONCE = 20_000;
/** So often the world hears more in one turn before others have theirs. */
const HEARINGS = 64;
/** What is due so soon happens now: it could not be waited for. In microseconds. */
const LOOKAHEAD_US = 1_000;
/** Requests of more bytes wait outside until the broker is through with what it has. */
const UNSERVED_MAX_BYTES = 256 * 1024;
/** A world that is slower than the clock may fall behind by so much; then the clock waits. */
const LAG_MAX_US = 2_000_000;
/** Between two looks for idle connections. */
const IDLE_CHECK_US = 10_000_000;
/** How often a world to which nobody is connected is kept up with its clock. */
const ALONE_MS = 5_000;
const TIMEOUT_MAX_MS = 2 ** 31 - 1;
/** Virtual time goes on by itself no further than this for an answer. */
const ANSWER_MAX_US = 20_000;
/** So many rounds of the event loop without anything new, and the clients are taken to wait. */
const QUIET_ROUNDS = 4;
const PARTITIONS_MAX = 1_000_000;
const ADVANCE_MAX_MS = 7 * 24 * 3_600_000;

let loading;

/** Compiles the world, once. */
function load() {
    loading ??= (async () => {
        const url = new URL('./world_bg.wasm', import.meta.url);
        if (url.protocol !== 'file:' || typeof process === 'undefined' || !process.versions?.node) {
            return init();
        }
        // Without anything else to do, Node would wait for the optimising compiler to finish, too.
        const alive = setTimeout(() => {}, TIMEOUT_MAX_MS);
        const files = ['node:fs', 'promises'].join('/');
        const { readFile } = await import(/* @vite-ignore */ /* webpackIgnore: true */ files);
        return init({ module_or_path: await readFile(url) }).finally(() => { clearTimeout(alive); });
    })();
    loading.catch(() => { loading = undefined; });
    return loading;
}

/** Runs `job` as soon as everything that is waiting has run. */
const soon = setImmediate ?? ((job) => rounds(job));

/** Calls back after one round of the event loop, whatever timers a test has put in place. */
function rounds(job) {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
        port1.close();
        job();
    };
    port2.postMessage(null);
}

const oneRound = () => new Promise((resolve) => { rounds(resolve); });

/** A cluster that runs. */
export class Cluster {
    #world;
    #listening = new Set();
    #sockets = new Map();
    #connecting = new Set();
    #waiting = new Set();
    #idleChecked;
    #factories = new Map();

    #timer;
    #scheduled = false;
    /** What the wall's clock shows, and the world's, where both were set together. */
    #since;
    #base;
    #started;

    #virtual;
    #ticked = 0;
    #advancing = Promise.resolve();
    #activity = 0;

    /** Starts a cluster; resolves when its brokers answer and its topics are there. */
    static async start(options = {}) {
        const scenario = scenarioOf(options);
        await load();
        return new Cluster(scenario, options);
    }

    constructor(scenario, options) {
        if (!scenario || loading === undefined) {
            throw new TypeError('use await Cluster.start({ ... })');
        }
        try {
            const { watch = false, traceEntries = 10_000 } = options;
            this.#world = new wasm.Terrarium(JSON.stringify(scenario), watch, traceEntries);
        } catch (error) {
            throw inTheirWords(error, scenario);
        }
        const { virtualTime } = options;
        this.#virtual = virtualTime ? { ...(virtualTime === true ? {} : virtualTime) } : undefined;
        for (let broker = 1; broker <= scenario.cluster.brokers; broker += 1) {
            this.#listening.add(broker);
        }
        this.bootstrapServers = Object.freeze([...this.#listening].map((broker) => `broker-${broker}:9092`));
        this.socketFactory = this.socketFactoryOf('client');
        this.#base = this.#world.now();
        this.#since = performance.now();
        this.#idleChecked = this.#base;
        this.#started = this.#base;
        this.#rest();
    }

    /** For kafkajs's option `socketFactory`: the sockets of a program with this name in the world. */
    socketFactoryOf(client) {
        if (typeof client !== 'string' || client === '') {
            throw new TypeError('a client\'s name must be a string that is not empty');
        }
        let factory = this.#factories.get(client);
        if (!factory) {
            factory = (to) => this.#open(client, to);
            this.#factories.set(client, factory);
        }
        return factory;
    }

    /** What the cluster's clock shows, in milliseconds since its brokers answered. */
    get now() {
        return (this.#running().now() - this.#started) / 1_000;
    }

    /** Does a command, as the script of a scenario has it: `{ do: 'kill', node: 'broker-1' }`. */
    command(command) {
        const world = this.#catchUp();
        if (typeof command !== 'object' || command === null) {
            throw new TypeError('a command is an object, as { do: \'kill\', node: \'broker-1\' }');
        }
        try {
            world.command(JSON.stringify(command));
        } catch (error) {
            throw inTheirWords(error);
        }
        this.#wake();
    }

    /** Where everything stands. */
    summary() {
        return JSON.parse(this.#catchUp().summary());
    }

    /** What happened after entry number `after`, oldest first. */
    trace({ after = 0, limit = 1_000 } = {}) {
        for (const [name, value] of Object.entries({ after, limit })) {
            if (!Number.isSafeInteger(value) || value < 0) {
                throw new TypeError(`trace: ${name} must be a whole number from 0`);
            }
        }
        return JSON.parse(this.#catchUp().trace(after, Math.min(limit, 2 ** 32 - 1)));
    }

    /** Virtual time: lets `ms` milliseconds pass, and the clients do what they do meanwhile. */
    advance(ms, { tick, stepMs } = this.#virtual ?? {}) {
        this.#running();
        if (!this.#virtual) {
            throw new Error('time cannot be advanced: start the cluster with virtualTime: true');
        }
        if (typeof ms !== 'number' || !(ms >= 0 && ms <= ADVANCE_MAX_MS)) {
            throw new TypeError(`advance: ms must be a number from 0 to ${ADVANCE_MAX_MS}`);
        }
        const advanced = this.#advancing.then(() => this.#advance(ms * 1_000, tick, (stepMs ?? 100) * 1_000));
        this.#advancing = advanced.catch(() => {});
        return advanced;
    }

    /** Ends it: every socket ends, and nothing is left. */
    async stop() {
        const world = this.#world;
        if (!world) {
            return;
        }
        this.#world = undefined;
        clearTimeout(this.#timer);
        const sockets = [...this.#sockets.values(), ...this.#connecting];
        this.#sockets.clear();
        this.#connecting.clear();
        this.#waiting.clear();
        world.free();
        deliver(sockets.map((socket) => () => socket.ended()));
    }

    // ---- sockets ----

    #open(client, { host, port, ssl, onConnect } = {}) {
        const socket = new Socket(this.#sockets_);
        socket.to = { client, address: `${host}:${port}`, ssl };
        socket.remoteAddress = host;
        socket.remotePort = port;
        if (onConnect) {
            socket.once('connect', onConnect);
        }
        this.#connecting.add(socket);
        this.#wake();
        return socket;
    }

    /** What sockets tell. */
    #sockets_ = {
        wrote: (socket) => {
            this.#waiting.add(socket);
            this.#wake();
        },
        closed: (socket) => {
            this.#connecting.delete(socket);
            this.#waiting.delete(socket);
            if (this.#sockets.delete(socket.conn)) {
                this.#activity += 1;
                this.#world?.hang_up(socket.conn);
                this.#wake();
            }
        },
    };

    #connect(socket, deliveries) {
        const fail = (code, text) => deliveries.push(() => socket.failed(Object.assign(new Error(text), { code })));
        if (!this.#world) {
            return fail('ECONNREFUSED', 'connect ECONNREFUSED: the cluster was stopped');
        }
        const { client, address, ssl } = socket.to;
        const broker = this.bootstrapServers.indexOf(address) + 1;
        if (ssl) {
            return fail('EPROTO', 'the brokers speak PLAINTEXT: leave out ssl');
        }
        if (broker === 0) {
            return fail('ENOTFOUND', `no broker is at ${address}: there are ${this.bootstrapServers.join(', ')}`);
        }
        if (!this.#listening.has(broker)) {
            return fail('ECONNREFUSED', `connect ECONNREFUSED ${address}: the broker does not listen`);
        }
        try {
            socket.conn = this.#world.connect(client, broker);
        } catch (error) {
            return fail('EHOSTUNREACH', `connect EHOSTUNREACH ${address}: ${error.message}`);
        }
        this.#sockets.set(socket.conn, socket);
        return deliveries.push(() => socket.connected());
    }

    /** Tells the world what was written where it is through with what it was told: whether anything was. */
    #hear() {
        let heard = false;
        for (const socket of this.#waiting) {
            if (socket.conn === undefined) {
                continue;
            }
            while (socket.outbound.length > 0 && this.#world.wants(socket.conn, UNSERVED_MAX_BYTES)) {
                this.#world.bytes(socket.conn, socket.taken());
                heard = true;
            }
            if (socket.outbound.length === 0) {
                this.#waiting.delete(socket);
                if (socket.isEnding) {
                    socket.destroy();
                }
            }
        }
        return heard;
    }

    /** Notes what is to be told to whom. */
    #sortOut(deliveries) {
        for (let output = this.#world.next_output(); output; output = this.#world.next_output()) {
            const [kind, number, what] = output;
            const socket = this.#sockets.get(number);
            if (kind === 0 && socket) {
                socket.awaits = false;
                deliveries.push(() => socket.received(what));
            } else if (kind === 1 && socket) {
                this.#sockets.delete(number);
                this.#waiting.delete(socket);
                deliveries.push(() => socket.brokenOff(what));
            } else if (kind === 2) {
                this.#listening[what ? 'add' : 'delete'](number);
            }
        }
    }

    // ---- time ----

    #running() {
        if (!this.#world) {
            throw new Error('the cluster was stopped');
        }
        return this.#world;
    }

    /** What the world's clock ought to show. */
    #clock() {
        const world = this.#world.now();
        return this.#virtual ? world : Math.max(world, this.#base + (performance.now() - this.#since) * 1_000);
    }

    /** The world as it is now. */
    #catchUp() {
        const world = this.#running();
        if (!this.#virtual && !world.advance(this.#clock(), STEPS_AT_ONCE)) {
            this.#wake();
        }
        return world;
    }

    /** Gives the world its turn as soon as everybody else had theirs. */
    #wake() {
        this.#activity += 1;
        if (!this.#scheduled) {
            this.#scheduled = true;
            clearTimeout(this.#timer);
            soon(() => {
                this.#scheduled = false;
                this.#turn();
            });
        }
    }

    #turn() {
        const deliveries = [];
        const connecting = [...this.#connecting];
        this.#connecting.clear();
        const world = this.#world;
        let done = true;
        if (world) {
            done = world.advance(this.#clock(), STEPS_AT_ONCE);
            this.#sortOut(deliveries);
        }
        for (const socket of connecting) {
            this.#connect(socket, deliveries);
        }
        if (world) {
            let heard = true;
            for (let i = 0; i < HEARINGS && heard; i += 1) {
                heard = this.#hear();
                done = this.#runAhead(deliveries) && done;
                this.#sortOut(deliveries);
            }
            this.#lookForIdle();
            this.#next(done && !heard);
        }
        this.#activity += deliveries.length;
        deliver(deliveries);
    }

    /** What is due at once, or cannot be waited for: whether all of it is done. */
    #runAhead(deliveries) {
        const world = this.#world;
        if (!this.#virtual) {
            return world.advance(Math.max(world.now(), this.#clock() + LOOKAHEAD_US), STEPS_AT_ONCE);
        }
        // Time stands still but for the answers to what was just asked.
        const until = world.now() + ANSWER_MAX_US;
        const awaiting = () => [...this.#sockets.values()].some((socket) => socket.awaits);
        while (awaiting() && world.next_at() < until) {
            world.advance_to_output(until, STEPS_AT_ONCE);
            this.#sortOut(deliveries);
            if (world.now() >= until) {
                break;
            }
        }
        // What is not answered by now waits for time to pass.
        for (const socket of this.#sockets.values()) {
            socket.awaits = false;
        }
        return true;
    }

    #lookForIdle() {
        if (this.#world.now() - this.#idleChecked >= IDLE_CHECK_US) {
            this.#idleChecked = this.#world.now();
            this.#world.hang_up_idle();
        }
    }

    #next(done) {
        if (this.#virtual) {
            return;
        }
        if (done) {
            this.#rest();
            return;
        }
        const world = this.#world.now();
        if (this.#clock() - world > LAG_MAX_US) {
            this.#base = world;
            this.#since = performance.now();
        }
        this.#wake();
    }

    /** Sleeps until something is due. */
    #rest() {
        if (this.#virtual || this.#scheduled) {
            return;
        }
        const due = (this.#world.next_at() - this.#clock() - LOOKAHEAD_US) / 1_000;
        const ms = Math.max(Math.ceil(due), this.#sockets.size === 0 ? ALONE_MS : 1);
        clearTimeout(this.#timer);
        this.#timer = setTimeout(() => this.#turn(), Math.min(ms, TIMEOUT_MAX_MS));
        // Only an answer that somebody waits for keeps a process alive.
        if (![...this.#sockets.values()].some((socket) => socket.awaits && socket.isReferenced)) {
            this.#timer?.unref?.();
        }
    }

    async #advance(us, tick, stepUs) {
        const to = this.#running().now() + us;
        await this.#quiet();
        while (this.#world && this.#world.now() < to) {
            const world = this.#world;
            const step = tick ? Math.min(to, world.now() + stepUs) : to;
            const deliveries = [];
            const reached = world.advance_to_output(step, STEPS_AT_ONCE);
            this.#sortOut(deliveries);
            this.#lookForIdle();
            this.#activity += deliveries.length;
            deliver(deliveries);
            if (tick && this.#world) {
                await this.#tick(tick);
            }
            if (deliveries.length > 0 || tick || !reached) {
                await this.#quiet();
            }
        }
    }

    /** Puts the test's timers where the world's clock is. */
    async #tick(tick) {
        const elapsed = Math.floor((this.#world.now() - this.#started) / 1_000);
        if (elapsed > this.#ticked) {
            const ms = elapsed - this.#ticked;
            this.#ticked = elapsed;
            await tick(ms);
        }
    }

    /** Lets clients run until they wait. */
    async #quiet() {
        for (let quiet = 0; quiet < QUIET_ROUNDS;) {
            const before = this.#activity;
            await oneRound();
            quiet = this.#activity === before && !this.#scheduled ? quiet + 1 : 0;
        }
    }
}

/** Which member of a group gets which partitions, as `assignor` decides: `{ C0: { t0: [0, 1] } }`. */
export async function assign(assignor, group) {
    await load();
    return JSON.parse(wasm.assign(String(assignor), inJson(group)));
}

/** Why that is so: a sentence for each partition that stays, moves, is new or is revoked. */
export async function explain(assignor, group) {
    await load();
    return JSON.parse(wasm.explain(String(assignor), inJson(group)));
}

/** Which partitions a producer sends these keys to. */
export async function partition(keys, { partitions, partitioner = 'default', seed = 1 } = {}) {
    await load();
    if (!Number.isSafeInteger(partitions) || partitions < 1 || partitions > PARTITIONS_MAX) {
        throw new TypeError(`partition: partitions must be a whole number from 1 to ${PARTITIONS_MAX}`);
    }
    if (!Number.isSafeInteger(seed) || seed < 0) {
        throw new TypeError('partition: seed must be a whole number from 0');
    }
    return [...wasm.partition(String(partitioner), Array.from(keys, inBytes), partitions, seed)];
}

function inJson(group) {
    if (typeof group !== 'object' || group === null) {
        throw new TypeError('a group is an object, as { topics: { t0: 3 }, members: { C0: { topics: [\'t0\'] } } }');
    }
    return JSON.stringify(group);
}

function inBytes(key) {
    if (key === null || key === undefined) {
        return null;
    }
    if (typeof key !== 'string' && !(key instanceof Uint8Array)) {
        throw new TypeError('a key is a string, bytes, or null');
    }
    return typeof key === 'string' ? new TextEncoder().encode(key) : key;
}

/** Whoever throws in a listener does so alone. */
function deliver(deliveries) {
    for (const delivery of deliveries) {
        try {
            delivery();
        } catch (error) {
            queueMicrotask(() => { throw error; });
        }
    }
}
