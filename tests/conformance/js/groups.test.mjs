// Groups whose members come, leave and die at random, one group of each client, while a broker that may be
// their coordinator dies and comes back. Whatever happens: at the end the members share all partitions, no record
// was skipped, and none was read twice without a rebalance in between.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Member, Server, program, python, sleep, soon, until } from './harness.mjs';
import { adapter } from './kafkajs.mjs';

const PARTITIONS = 6;
const MEMBERS_MAX = 4;
const ROUNDS = 12;

// Of those that are `frail`, members may end when a broker dies under them, or wait for it for ever when they are
// told to end. And platformatic's stream still gives what it had fetched before a rebalance, and then reads it again.
const GROUPS = [
    { name: 'kafkajs', command: program('kafkajs'), frail: true },
    { name: 'platformatic', command: program('platformatic'), frail: true, rereads: true },
    { name: 'kafka-python', command: python('kafka_python') },
    { name: 'aiokafka', command: python('aio_kafka'), frail: true },
    ...['eager', 'cooperative', 'consumer'].map(protocol => (
        { name: `librdkafka-${protocol}`, command: python('librdkafka'), more: [protocol] }
    )),
];

/** A small generator, so that a run can be told to another: SEED= takes its place. */
function random(seed) {
    let state = seed;
    return below => {
        state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
        return Math.floor((state / 2 ** 32) * below);
    };
}

const SEED = Number(process.env.SEED ?? Date.now() % 100_000);

describe(`groups at random (SEED=${SEED})`, { timeout: 300_000 }, () => {
    let server;
    let client;
    const producing = { on: true, sent: 0 };
    before(async () => {
        server = await Server.start();
        client = await adapter.open(server.brokers);
        await Promise.all(GROUPS.map(({ name }) => client.createTopic(name, { partitions: PARTITIONS })));
        producing.done = produce();
    });
    after(async () => {
        producing.on = false;
        await producing.done?.catch(() => {});
        await client?.close();
        await server?.stop();
    });

    /** To every partition of every topic, on and on. */
    async function produce() {
        while (producing.on) {
            const value = `${producing.sent}`;
            const all = Array.from({ length: PARTITIONS }, (_, partition) => ({ partition, value }));
            await Promise.all(GROUPS.map(({ name }) => Promise.all(all.map(one => client.produce(name, [one])))));
            producing.sent += 1;
            await sleep(30);
        }
    }

    test('members come, leave and die, and nothing is skipped', async () => {
        const below = random(SEED);
        const groups = GROUPS.map(group => new Group(group, server));
        try {
            groups.forEach(group => group.join());
            for (let round = 0; round < ROUNDS; round += 1) {
                if (round === 4) await server.command({ do: 'kill', node: `broker-${1 + below(3)}` });
                if (round === 7) await restartAll();
                for (const group of groups) group.something(below);
                await sleep(300 + below(900));
            }
            await Promise.all(groups.map(group => group.settled()));
            producing.on = false;
            await producing.done;
            for (const group of groups) await group.hasReadAll(await ends(group.name));
            groups.forEach(group => group.check());
        } finally {
            await Promise.all(groups.map(group => group.end()));
        }
    });

    async function restartAll() {
        const { brokers } = await server.summary();
        for (const { id, up } of brokers) {
            if (!up) await server.command({ do: 'restart', node: `broker-${id}` });
        }
    }

    async function ends(topic) {
        const { topics } = await server.summary();
        return topics.find(({ name }) => name === topic).partitions.map(it => it.high_watermark);
    }
});

class Group {
    constructor(group, server) {
        Object.assign(this, { more: [], ...group, server });
        this.members = [];
        this.gone = [];
    }

    join() {
        this.members.push(new Member(this.command, this.server, this.name, `${this.name}-group`, ...this.more));
    }

    something(below) {
        const what = below(5);
        if (this.members.length < 2 || (what < 2 && this.members.length < MEMBERS_MAX)) {
            this.join();
        } else if (what < 4) {
            const [member] = this.members.splice(below(this.members.length), 1);
            this.gone.push(member);
            // Who has not yet come cannot say farewell.
            member.leaving = what === 2 && member.assigned ? this.farewell(member) : member.kill();
            member.leaving.catch(() => {});
        }
    }

    farewell(member) {
        return this.frail ? soon('an end', member.stop(), 5_000).catch(() => member.kill()) : member.stop();
    }

    /** Its members have all partitions between them, and each as many as it should. */
    async settled() {
        await Promise.all(this.gone.map(member => member.leaving));
        await until(`${this.name}: ${this.members.length} members share`, () => {
            this.replaceDead();
            const all = this.members.flatMap(({ assigned }) => assigned ?? []);
            const least = Math.floor(PARTITIONS / this.members.length);
            const fair = this.members.every(({ assigned }) => assigned?.length >= least);
            return fair && all.length === PARTITIONS && new Set(all).size === PARTITIONS;
        });
    }

    replaceDead() {
        const dead = this.members.filter(({ child }) => this.frail && child.exitCode !== null);
        this.members = this.members.filter(member => !dead.includes(member));
        this.gone.push(...dead);
        dead.forEach(() => this.join());
    }

    get everybody() {
        return [...this.members, ...this.gone];
    }

    async hasReadAll(ends) {
        await until(`${this.name} has read all`, () => {
            const seen = ends.map(() => new Set());
            this.everybody.forEach(member => member.seen.forEach(it => seen[it.partition].add(it.offset)));
            return ends.every((end, partition) => seen[partition].size === end);
        });
    }

    /** Between two rebalances a member reads each partition record by record. */
    check() {
        for (const member of this.everybody) {
            let last = new Map();
            for (const { assigned, partition, offset } of member.said) {
                if (assigned) {
                    last = new Map();
                    continue;
                }
                const before = last.get(partition);
                assert.ok(before === undefined || offset === before + 1 || this.rereads,
                    `${this.name}: offset ${offset} of partition ${partition} came after ${before}`);
                last.set(partition, offset);
            }
        }
    }

    async end() {
        await Promise.all(this.everybody.map(member => member.kill()));
    }
}
