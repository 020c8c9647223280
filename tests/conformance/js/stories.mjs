// What is to work with every client, told once: each client's adapter plays it.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Member, Server, program, until } from './harness.mjs';

const values = records => records.map(({ value }) => Buffer.from(value, 'base64').toString());
const numbered = (name, count, more = {}) =>
    Array.from({ length: count }, (_, i) => ({ value: `${name}-${i}`, ...more }));
const sorted = list => [...list].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
const base64 = text => Buffer.from(text).toString('base64');

/** Tells all stories with a client; `admin` is told with { client, server } too. */
export function tell(adapter, admin) {
    describe(adapter.name, { timeout: 120_000 }, () => {
        let server;
        let client;
        before(async () => {
            server = await Server.start();
            client = await adapter.open(server.brokers);
        });
        after(async () => {
            await client?.close();
            await server?.stop();
        });
        const with_ = story => () => story({ adapter, client, server });

        test('reads what it wrote: keyed, unkeyed, with headers', with_(keyedAndNot));
        for (const codec of adapter.codecs) {
            test(`writes and reads ${codec}`, with_(world => withCodec(world, codec)));
        }
        test('writes idempotently', with_(idempotently));
        test('reads from an offset', with_(fromAnOffset));
        test('reads from a time', with_(fromATime));
        test('a group of two becomes three and one dies', with_(groupOfThree));
        test('commits, stops and goes on', with_(commitAndGoOn));
        test('asks what admins ask', with_(admin));
        // The last, as it leaves its marks.
        test('loses nothing with a broker that is killed and restarted', with_(brokerDies));
    });
}

async function keyedAndNot({ client }) {
    await client.createTopic('stories');
    const keyed = ['Ada', 'Ben', 'Cleo', 'Dan', 'Eve', 'Fay'].flatMap(key =>
        numbered(key, 4, { key, headers: [['who', key], ['who', 'again'], ['empty', '']] }),
    );
    const unkeyed = numbered('unkeyed', 20);
    await client.produce('stories', [...keyed, ...unkeyed]);
    const records = await client.read('stories');
    assert.deepEqual(sorted(values(records)), sorted([...keyed, ...unkeyed].map(({ value }) => value)));
    for (const { key, headers } of keyed) {
        const its = records.filter(record => record.key === base64(key));
        assert.equal(new Set(its.map(record => record.partition)).size, 1, `${key} is in one partition`);
        assert.deepEqual(values(its), numbered(key, 4).map(({ value }) => value), `${key} is in order`);
        const expected = headers.map(([name, value]) => [name, base64(value)]);
        its.forEach(record => assert.deepEqual(record.headers, expected));
    }
    assert.equal(records.filter(({ key }) => key === null).length, unkeyed.length);
    for (const partition of [0, 1, 2]) {
        const offsets = records.filter(record => record.partition === partition).map(({ offset }) => offset);
        assert.deepEqual(offsets, offsets.map((_, i) => i), 'offsets have no gaps');
    }
}

async function withCodec({ client }, codec) {
    const topic = `codec-${codec}`;
    await client.createTopic(topic, { partitions: 1 });
    const long = 'the same again and again, '.repeat(4000);
    const sent = [...numbered(codec, 50), { value: long }, { value: '' }].map((record, i) => ({
        ...record,
        partition: 0,
        key: `key ${i}`,
    }));
    await client.produce(topic, sent, { codec });
    await client.produce(topic, sent.slice(0, 1), { codec });
    const expected = [...sent, sent[0]].map(({ value }) => value);
    assert.deepEqual(values(await client.read(topic)), expected);
}

async function idempotently({ client }) {
    await client.createTopic('once');
    const producer = await client.producer({ idempotent: true });
    for (let i = 0; i < 10; i++) {
        const records = [0, 1, 2].flatMap(partition => numbered(`${i}`, 10, { partition }));
        await producer.send('once', records);
    }
    const records = await client.read('once');
    for (const partition of [0, 1, 2]) {
        const its = values(records.filter(record => record.partition === partition));
        const expected = Array.from({ length: 10 }, (_, i) => numbered(`${i}`, 10)).flat();
        assert.deepEqual(its, expected.map(({ value }) => value));
    }
}

async function fromAnOffset({ client }) {
    await client.createTopic('offsets');
    const records = [0, 1, 2].flatMap(partition => numbered(`p${partition}`, 10, { partition }));
    await client.produce('offsets', records);
    const read = await client.read('offsets', { offsets: { 0: 7, 1: 9, 2: 10 } });
    assert.deepEqual(values(read), ['p0-7', 'p0-8', 'p0-9', 'p1-9']);
    assert.deepEqual(read.map(({ offset }) => offset), [7, 8, 9, 9]);
}

async function fromATime({ client }) {
    await client.createTopic('times', { configs: { 'retention.ms': -1 } });
    const start = 1_700_000_000_000;
    for (let i = 0; i < 10; i++) {
        const records = [0, 1].map(partition => ({
            partition,
            value: `p${partition}-${i}`,
            timestamp: start + i * 1000 + partition * 500,
        }));
        await client.produce('times', records);
    }
    const read = await client.read('times', { timestamp: start + 8000 });
    assert.deepEqual(values(read), ['p0-8', 'p0-9', 'p1-8', 'p1-9']);
    assert.equal(read[0].timestamp, start + 8000);
    assert.deepEqual(values(await client.read('times', { timestamp: start + 9500 })), ['p1-9']);
    assert.deepEqual(await client.read('times', { timestamp: start + 60_000 }), []);
}

/** Waits until these members, and nobody else, have all partitions between them. */
async function share(members, partitions) {
    await until(`${members.length} members share ${partitions} partitions`, () => {
        const all = members.flatMap(({ assigned }) => assigned ?? []);
        const fair = members.every(({ assigned }) => assigned?.length >= Math.floor(partitions / members.length));
        return fair && all.length === partitions && new Set(all).size === partitions;
    });
}

async function groupOfThree({ adapter, client, server }) {
    await client.createTopic('shared', { partitions: 6 });
    const join = () => new Member(program(adapter.program), server, 'shared', 'the-group');
    const members = [join(), join()];
    try {
        await share(members, 6);
        const produce = name =>
            client.produce(
                'shared',
                [0, 1, 2, 3, 4, 5].flatMap(partition => numbered(`${name}-${partition}`, 5, { partition })),
            );
        // How often a value was seen: at least once, as a rebalance may come before a commit.
        const all = () => new Set(members.flatMap(member => member.values));
        const everything = count => until(`${count} records were seen`, () => all().size === count);
        await produce('two');
        await everything(30);
        assert.ok(members.every(({ seen }) => seen.length > 0), 'both have got some');
        members.push(join());
        await share(members, 6);
        await produce('three');
        await everything(60);
        assert.ok(members[2].seen.length > 0, 'the third has got some');
        await members[0].kill();
        await share(members.slice(1), 6);
        await produce('two again');
        await everything(90);
    } finally {
        await Promise.all(members.map(member => member.kill()));
    }
}

async function commitAndGoOn({ adapter, client, server }) {
    await client.createTopic('work');
    const produce = name =>
        client.produce('work', [0, 1, 2].flatMap(partition => numbered(`${name}${partition}`, 5, { partition })));
    const join = () => new Member(program(adapter.program), server, 'work', 'workers');
    await produce('first');
    const first = join();
    try {
        await until('the first has all', () => first.seen.length >= 15);
        await first.stop();
    } finally {
        await first.kill();
    }
    await produce('second');
    const second = join();
    try {
        await until('the second has the rest', () => second.seen.length >= 15);
        await second.stop();
    } finally {
        await second.kill();
    }
    assert.equal(first.seen.length, 15);
    assert.ok(first.values.every(value => value.startsWith('first')));
    assert.equal(second.seen.length, 15, 'nothing is seen twice');
    assert.ok(second.values.every(value => value.startsWith('second')));
}

async function brokerDies({ client, server }) {
    await client.createTopic('safe', { configs: { 'min.insync.replicas': 2 } });
    const producer = await client.producer({ idempotent: true });
    const acknowledged = [];
    let phase = 'before';
    let stopped = false;
    const writing = (async () => {
        for (let i = 0; !stopped; i++) {
            const value = `${phase}-${i}`;
            await producer.send('safe', [{ partition: i % 3, value }]);
            acknowledged.push(value);
        }
    })();
    const enough = async () => {
        const start = acknowledged.length;
        await Promise.race([writing, until('more is acknowledged', () => acknowledged.length >= start + 30)]);
    };
    const leaders = async () => {
        const topic = (await server.summary()).topics.find(({ name }) => name === 'safe');
        return topic.partitions.map(({ leader }) => leader);
    };
    await enough();
    const [leader] = await leaders();
    phase = 'while one is dead';
    await server.command({ do: 'kill', node: `broker-${leader}` });
    await until('another one leads', async () => (await leaders())[0] !== leader);
    await enough();
    phase = 'afterwards';
    await server.command({ do: 'restart', node: `broker-${leader}` });
    await enough();
    stopped = true;
    await writing;
    assert.ok(new Set(acknowledged.map(value => value.split('-')[0])).size === 3, 'there was writing all the time');
    const read = values(await client.read('safe'));
    assert.deepEqual(acknowledged.filter(value => !read.includes(value)), [], 'nothing is lost');
    assert.equal(new Set(read).size, read.length, 'nothing is there twice');
}
