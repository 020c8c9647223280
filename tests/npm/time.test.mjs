// Virtual time: nothing happens until it is told to pass, and then quickly.

import assert from 'node:assert/strict';
import { mock, test } from 'node:test';

import { Cluster, event, int32, kafka, open, reader, request, string, times } from './support.mjs';

test('a session times out after 45 seconds that take none', async (t) => {
    mock.timers.enable({ apis: ['setTimeout', 'setInterval', 'Date'], now: 1_767_225_600_000 });
    // kafkajs asks for times that are over, which Node's own timers take for 1 ms.
    const { setTimeout: later } = globalThis;
    globalThis.setTimeout = (job, ms, ...rest) => later(job, Math.max(1, ms || 1), ...rest);
    t.after(() => {
        globalThis.setTimeout = later;
        mock.timers.reset();
    });
    const cluster = await Cluster.start({
        topics: { rides: { partitions: 2, replicationFactor: 3 } },
        virtualTime: { tick: (ms) => mock.timers.tick(ms) },
    });
    const began = process.hrtime.bigint();
    const ran = async (promise) => {
        let done = false;
        const end = promise.finally(() => { done = true; });
        end.catch(() => {});
        while (!done) {
            await cluster.advance(100);
        }
        return end;
    };
    const options = { sessionTimeout: 45_000, rebalanceTimeout: 60_000, heartbeatInterval: 3_000 };
    const stays = await ran(reader(kafka(cluster, { name: 'stays' }), 'pair', 'rides', options));
    const freezes = await ran(reader(kafka(cluster, { name: 'freezes' }), 'pair', 'rides', options));
    const members = () => cluster.summary().groups.find((it) => it.id === 'pair').members.length;
    await cluster.advance(5_000);
    assert.equal(members(), 2);

    // The machine is there, but nothing comes through any more: nobody is told.
    for (const broker of ['broker-1', 'broker-2', 'broker-3']) {
        cluster.command({ do: 'slow', a: 'freezes', b: broker, latency_ms: 3_600_000 });
    }
    await cluster.advance(40_000);
    assert.equal(members(), 2);
    await cluster.advance(25_000);
    assert.equal(members(), 1);

    const producer = kafka(cluster).producer();
    await ran(producer.connect());
    await ran(producer.send({ topic: 'rides', messages: times(4, (n) => ({ partition: n % 2, value: `${n}` })) }));
    await ran(stays.until(4));
    assert.equal(freezes.seen.length, 0);
    assert.ok(Number(process.hrtime.bigint() - began) > 0);
    void stays.consumer.disconnect().catch(() => {});
    void freezes.consumer.disconnect().catch(() => {});
    void producer.disconnect().catch(() => {});
    await cluster.advance(1_000);
    await cluster.stop();
});

/** A fixed sequence of requests and faults: what it ends with. */
async function played(seed) {
    const cluster = await Cluster.start({ seed, epochMs: 1_767_225_600_000, virtualTime: true, watch: true });
    const sockets = [open(cluster, 1), open(cluster, 3)];
    await Promise.all(sockets.map((socket) => event(socket, 'connect')));
    const answers = [];
    for (const socket of sockets) {
        socket.on('data', (bytes) => answers.push(bytes.toString('hex')));
    }
    sockets[0].write(request(18, 0, 1));
    await cluster.advance(10);
    // Metadata, which creates the topic.
    sockets[1].write(request(3, 1, 2, int32(1), string('made-here')));
    await cluster.advance(1_000);
    cluster.command({ do: 'kill', node: 'broker-2' });
    await cluster.advance(30_000);
    sockets[1].write(request(3, 1, 3, int32(1), string('made-here')));
    await cluster.advance(10);
    const { digest, events, t_ms: time, violations } = cluster.summary();
    await cluster.stop();
    assert.deepEqual(violations, []);
    return { digest, events, time, answers };
}

test('the same seed and requests give the same run', async () => {
    const [first, again, other] = [await played(7), await played(7), await played(8)];
    assert.equal(first.answers.length, 3);
    assert.deepEqual(again, first);
    assert.notEqual(other.digest, first.digest);
});

test('no time passes by itself', async () => {
    const cluster = await Cluster.start({ virtualTime: true });
    const before = cluster.now;
    await new Promise((resolve) => { setTimeout(resolve, 50); });
    assert.equal(cluster.now, before);
    await cluster.advance(1_234);
    assert.equal(cluster.now, before + 1_234);
    await Promise.all([cluster.advance(1_000), cluster.advance(500)]);
    assert.equal(cluster.now, before + 2_734);
    await cluster.stop();
});
