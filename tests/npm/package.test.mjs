// The package by itself: its options, sockets, end, and files.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';

import { root } from '../tools/serve.mjs';
import { Cluster, event, folder, open, request } from './support.mjs';

const refused = (options, expected) => assert.rejects(Cluster.start(options), (error) => {
    assert.equal(error.message, expected);
    return true;
});

test('wrong options are named', async () => {
    await refused(3, 'expected an object of options, found 3');
    const known = 'brokers, topics, configs, network, seed, epochMs, virtualTime, watch, traceEntries';
    await refused({ broker: 3 }, `broker is not known: there are ${known}`);
    await refused({ brokers: 0 }, 'brokers: expected a whole number from 1, found 0');
    await refused({ seed: -1 }, 'seed: expected a whole number from 0, found -1');
    const named = '{ name: { partitions, replicationFactor, configs } }';
    await refused({ topics: ['rides'] }, `topics: expected an object: ${named}, found ["rides"]`);
    const ofTopics = 'partitions, replicationFactor, configs';
    await refused({ topics: { rides: { partition: 3 } } }, `topics["rides"].partition is not known: there are ${ofTopics}`);
    await refused({ virtualTime: { tick: 5 } }, 'virtualTime.tick: expected a function of milliseconds, found 5');
    await assert.rejects(
        Cluster.start({ brokers: 2, topics: { rides: { replicationFactor: 3 } } }),
        /^Error: topics\["rides"\]\.replicationFactor: /,
    );
    await assert.rejects(
        Cluster.start({ topics: { rides: { configs: { 'segment.byts': 1 } } } }),
        /^Error: topics\["rides"\]\.configs\["segment\.byts"\]: .*segment\.bytes/,
    );
    await assert.rejects(Cluster.start({ configs: { 'num.partitons': 1 } }), /^Error: configs\["num\.partitons"\]: .*num\.partitions/);
    assert.throws(() => new Cluster(), /use await Cluster\.start/);
});

test('commands, and what is wrong with them', async () => {
    const cluster = await Cluster.start({ topics: { rides: {} } });
    assert.throws(() => cluster.command({ do: 'kill', node: 'broker-4' }), { message: "no node is called 'broker-4'" });
    assert.throws(() => cluster.command({ do: 'explode' }), /unknown variant `explode`/);
    assert.throws(() => cluster.command('kill'), TypeError);
    assert.throws(() => cluster.command({ do: 'bytes', client: 'client', conn: 1, data: '' }), /by their sockets/);
    assert.throws(() => cluster.advance(5), /virtualTime: true/);
    cluster.command({ do: 'kill', node: 'broker-1' });
    const { entries, next } = cluster.trace({ after: 0, limit: 5 });
    assert.equal(entries.length, 5);
    assert.equal(next, entries[4].seq);
    assert.ok(cluster.trace({ after: next }).entries[0].seq === next + 1);
    assert.throws(() => cluster.trace({ after: -1 }), /after must be a whole number/);
    assert.equal(cluster.summary().digest, null);
    await cluster.stop();
});

test('sockets fail as sockets do', async () => {
    const configs = { 'broker.session.timeout.ms': 500, 'broker.heartbeat.interval.ms': 100 };
    const cluster = await Cluster.start({ brokers: 2, configs });
    const code = async (socket) => (await event(socket, 'error')).code;
    assert.equal(await code(cluster.socketFactory({ host: 'localhost', port: 9092 })), 'ENOTFOUND');
    assert.equal(await code(cluster.socketFactory({ host: 'broker-1', port: 9092, ssl: {} })), 'EPROTO');
    const socket = open(cluster, 2);
    await event(socket, 'connect');
    const broken = event(socket, 'end').catch((error) => error);
    cluster.command({ do: 'kill', node: 'broker-2' });
    await broken;
    assert.ok(socket.destroyed);
    assert.equal(await code(open(cluster, 2)), 'ECONNREFUSED');
    cluster.command({ do: 'restart', node: 'broker-2' });
    let again;
    do {
        again = open(cluster, 2);
    } while (await event(again, 'connect').then(() => false, () => true));
    again.write(request(18, 0, 9));
    const answer = await event(again, 'data');
    assert.equal(answer.readInt32BE(0), answer.length - 4);
    assert.equal(answer.readInt32BE(4), 9);
    // Garbage: the broker closes.
    again.write(Buffer.from([0, 0, 0, 4, 255, 255, 255, 255]));
    await event(again, 'end');
    await cluster.stop();
});

test('stop ends everything', async () => {
    const cluster = await Cluster.start({ brokers: 1 });
    const socket = open(cluster, 1);
    await event(socket, 'connect');
    const ended = event(socket, 'end');
    await cluster.stop();
    await ended;
    await cluster.stop();
    const kill = { do: 'kill', node: 'broker-1' };
    for (const use of [() => cluster.summary(), () => cluster.trace(), () => cluster.command(kill), () => cluster.now]) {
        assert.throws(use, { message: 'the cluster was stopped' });
    }
    assert.equal((await event(open(cluster, 1), 'error')).code, 'ECONNREFUSED');
});

test('a process with a cluster and an idle socket ends by itself', () => {
    const program = `
        import { Cluster } from ${JSON.stringify(join(folder, 'index.js'))};
        const cluster = await Cluster.start();
        const socket = cluster.socketFactory({ host: 'broker-1', port: 9092, onConnect: () => console.log('connected') });
        await new Promise((resolve) => socket.once('connect', resolve));
    `;
    const said = execFileSync(process.execPath, ['--input-type=module', '-e', program], { timeout: 60_000 });
    assert.equal(said.toString(), 'connected\n');
});

test('the package has what package.json says, and types that are right', (t) => {
    const about = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
    assert.equal(about.name, 'kafka-terrarium');
    assert.notEqual(about.version, '0.0.0');
    for (const file of ['index.js', 'index.d.ts', 'world.js', 'world_bg.wasm', 'README.md', 'LICENSE-MIT', 'LICENSE-APACHE']) {
        assert.ok(existsSync(join(folder, file)), file);
        const bytes = readFileSync(join(folder, file));
        assert.ok(![root, homedir()].some((path) => bytes.includes(path)), `${file} tells where it was built`);
    }
    const tsc = process.env.TSC;
    if (!tsc || !existsSync(tsc)) {
        t.diagnostic('the types are not checked here: TSC names no compiler');
        return;
    }
    const file = join(folder, '../../../tests/npm/types.mts');
    const how = ['--noEmit', '--strict', '--target', 'es2022', '--module', 'nodenext'];
    execFileSync(process.execPath, [tsc, ...how, file], { stdio: 'inherit' });
});
