// What can be asked without a cluster.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';

import { folder } from './support.mjs';

const { assign, explain, partition } = await import(join(folder, 'index.js'));

const group = {
    topics: { rides: 3 },
    members: { a: { topics: ['rides'], owned: { rides: [0, 1, 2] } }, b: { topics: ['rides'] } },
};

test('who gets what, and why', async () => {
    assert.deepEqual(await assign('range', group), { a: { rides: [0, 1] }, b: { rides: [2] } });
    assert.deepEqual(await assign('cooperative-sticky', group), { a: { rides: [0, 1] }, b: {} });
    const explained = await explain('cooperative-sticky', group);
    assert.deepEqual(explained.map(({ change }) => change), ['stays', 'stays', 'revoked']);
    assert.deepEqual(explained[2], {
        topic: 'rides',
        partition: 2,
        change: 'revoked',
        from: 'a',
        to: null,
        next: 'b',
        why: 'rides-2 is revoked from a, to go to b in the next rebalance: a had 3 and b none; the fewest moves that make it even.',
    });
});

test('a wrong group is told with its place', async () => {
    await assert.rejects(assign('stick', group), /there is no assignor "stick"; there are range, /);
    await assert.rejects(assign('range', { topics: { rides: '3' }, members: {} }), /^Error: topics\.rides: expected a number/);
    await assert.rejects(assign('range', 'rides'), TypeError);
});

test('which partition gets a key', async () => {
    const bytes = new TextEncoder().encode('alice');
    const [text, same, ...others] = await partition(['alice', bytes, 'bob', ''], { partitions: 6 });
    assert.equal(text, same);
    assert.ok([text, ...others].every((number) => number >= 0 && number < 6));
    const turn = { partitions: 2, partitioner: 'round_robin' };
    assert.deepEqual(await partition(['a', 'a', null], turn), [0, 1, 0]);
    await assert.rejects(partition(['a'], { partitions: 0 }), /partitions must be a whole number/);
    await assert.rejects(partition([1], { partitions: 1 }), /a key is a string/);
    await assert.rejects(partition(['a'], { partitions: 1, partitioner: 'java' }), /there is no partitioner "java"/);
});
