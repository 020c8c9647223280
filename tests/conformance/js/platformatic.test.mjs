// @platformatic/kafka: the stories, and what its admin client asks.

import assert from 'node:assert/strict';
import { Member, program, until } from './harness.mjs';
import { adapter } from './platformatic.mjs';
import { tell } from './stories.mjs';

const TOPIC_RESOURCE = 2;
const BROKER_RESOURCE = 4;
const SET = 0;
const DELETE = 1;
const EXACT = 0;
const DEFAULT = 1;
const ANY = 2;

tell(adapter, async ({ client, server }) => {
    const admin = client.admin();
    await topics(admin);
    await configs(admin);
    await records(client, admin);
    await groups(admin, server);
    await quotas(client, admin);
    await admin.deleteTopics({ topics: ['asked'] });
    assert.ok(!(await admin.listTopics()).includes('asked'));
});

async function topics(admin) {
    const [created] = await admin.createTopics({ topics: ['asked'], partitions: 2, replicas: 2 });
    assert.equal(created.partitions, 2);
    assert.match(created.id, /^[0-9a-f-]{36}$/);
    assert.ok((await admin.listTopics()).includes('asked'));
    await assert.rejects(admin.createTopics({ topics: ['asked'], partitions: 2, replicas: 2 }), /./);
    await admin.createPartitions({ topics: [{ name: 'asked', count: 3, assignments: null }] });
    const metadata = await admin.metadata({ topics: ['asked'], forceUpdate: true });
    assert.deepEqual([...metadata.brokers.keys()].sort(), [1, 2, 3]);
    const { id, partitions } = metadata.topics.get('asked');
    assert.equal(id, created.id);
    assert.equal(partitions.length, 3);
    assert.ok(partitions.every(({ replicas, isr }) => replicas.length === 2 && isr.length === 2));
    const dirs = await admin.describeLogDirs({ topics: [{ name: 'asked', partitions: [0, 1, 2] }] });
    assert.deepEqual(dirs.map(({ broker }) => broker).sort(), [1, 2, 3]);
    const kept = dirs.flatMap(({ results }) => results.flatMap(result => result.topics));
    assert.equal(kept.flatMap(topic => topic.partitions).length, 6);
}

async function configs(admin) {
    const ask = async (resourceType, resourceName, configurationKeys) => {
        const resources = [{ resourceType, resourceName, configurationKeys }];
        const [{ configs }] = await admin.describeConfigs({ resources, includeSynonyms: true });
        return Object.fromEntries(configs.map(config => [config.name, config.value]));
    };
    const alter = config =>
        admin.incrementalAlterConfigs({
            resources: [{ resourceType: TOPIC_RESOURCE, resourceName: 'asked', configs: [config] }],
        });
    const names = ['retention.ms', 'segment.bytes'];
    const before = await ask(TOPIC_RESOURCE, 'asked', names);
    assert.equal(before['retention.ms'], '604800000');
    await alter({ name: 'retention.ms', configOperation: SET, value: '3600000' });
    assert.deepEqual(await ask(TOPIC_RESOURCE, 'asked', names), { ...before, 'retention.ms': '3600000' });
    await alter({ name: 'retention.ms', configOperation: DELETE });
    assert.deepEqual(await ask(TOPIC_RESOURCE, 'asked', names), before);
    assert.equal((await ask(BROKER_RESOURCE, '2', null))['broker.id'], '2');
}

async function records(client, admin) {
    const sent = [0, 1, 2, 3, 4].map(i => ({ partition: 0, value: `${i}`, timestamp: Date.now() - 5000 + i * 1000 }));
    await client.produce('asked', sent);
    const listed = async timestamp => {
        const topics = [{ name: 'asked', partitions: [{ partitionIndex: 0, timestamp }] }];
        return (await admin.listOffsets({ topics }))[0].partitions[0].offset;
    };
    const deleted = await admin.deleteRecords({ topics: [{ name: 'asked', partitions: [{ partition: 0, offset: 2n }] }] });
    assert.equal(deleted[0].partitions[0].lowWatermark, 2n);
    assert.equal(await listed(-2n), 2n, 'the earliest');
    assert.equal(await listed(-1n), 5n, 'the latest');
    assert.equal(await listed(-3n), 4n, 'the one with the highest timestamp');
    assert.equal(await listed(BigInt(sent[3].timestamp)), 3n);
}

async function groups(admin, server) {
    const member = new Member(program(adapter.program), server, 'asked', 'watched');
    const committed = async () => {
        const [{ topics }] = await admin.listConsumerGroupOffsets({ groups: ['watched'] });
        const asked = topics.find(({ name }) => name === 'asked');
        return asked?.partitions.find(({ partitionIndex }) => partitionIndex === 0)?.committedOffset;
    };
    try {
        await until('it has committed all', async () => (await committed()) === 5n);
        assert.equal((await admin.listGroups()).get('watched')?.state, 'Stable');
        const described = (await admin.describeGroups({ groups: ['watched'] })).get('watched');
        assert.equal(described.members.size, 1);
        await assert.rejects(admin.deleteGroups({ groups: ['watched'] }), /./);
        await member.stop();
    } finally {
        await member.kill();
    }
    await admin.alterConsumerGroupOffsets({
        groupId: 'watched',
        topics: [{ name: 'asked', partitionOffsets: [{ partition: 0, offset: 3n }] }],
    });
    assert.equal(await committed(), 3n);
    await admin.deleteConsumerGroupOffsets({
        groupId: 'watched',
        topics: [{ name: 'asked', partitionIndexes: [0] }],
    });
    assert.equal(await committed(), undefined);
    await admin.deleteGroups({ groups: ['watched'] });
    assert.ok(!(await admin.listGroups()).has('watched'));
}

const has = (error, apiId) => error.apiId === apiId || (error.errors ?? []).some(inner => has(inner, apiId));

async function quotas(client, admin) {
    const alter = (entities, ops) => admin.alterClientQuotas({ entries: [{ entities, ops }] });
    const ask = async (...components) => {
        const found = await admin.describeClientQuotas({ components, strict: true });
        const values = found.flatMap(({ values }) => values.map(({ key, value }) => `${key}=${value}`));
        return values.sort().join(' ');
    };
    // Another broker than the one that was told may be asked.
    const told = (expected, ...components) =>
        until(`${expected || 'nothing'} is told`, async () => (await ask(...components)) === expected);
    const shop = [{ entityType: 'client-id', entityName: 'shop' }];
    const everybody = [{ entityType: 'user', entityName: null }];
    await alter(shop, [
        { key: 'producer_byte_rate', value: 1024, remove: false },
        { key: 'request_percentage', value: 12.5, remove: false },
    ]);
    await alter(everybody, [{ key: 'consumer_byte_rate', value: 1e9, remove: false }]);
    const ofShop = { entityType: 'client-id', matchType: EXACT, match: 'shop' };
    await told('producer_byte_rate=1024 request_percentage=12.5', ofShop);
    await told('consumer_byte_rate=1000000000', { entityType: 'user', matchType: DEFAULT });
    await told('producer_byte_rate=1024 request_percentage=12.5', { entityType: 'client-id', matchType: ANY });
    const wrong = [{ key: 'producer_byte_rate', value: -1, remove: false }];
    await assert.rejects(alter(shop, wrong), error => has(error, 'INVALID_REQUEST'));
    await alter(shop, [{ key: 'request_percentage', remove: true }, { key: 'producer_byte_rate', remove: true }]);
    await alter(everybody, [{ key: 'consumer_byte_rate', remove: true }]);
    await told('', ofShop);
    await told('', { entityType: 'user', matchType: DEFAULT });

    // Eleven partitions at once, and one more a second: more than that is not made, whoever is in a hurry.
    const hasty = client.keep(new admin.constructor({ ...client.options, clientId: 'hasty', retries: 0 }));
    await alter([{ entityType: 'client-id', entityName: 'hasty' }], [
        { key: 'controller_mutation_rate', value: 1, remove: false },
    ]);
    await hasty.createTopics({ topics: ['many'], partitions: 40, replicas: 1 });
    await assert.rejects(
        hasty.createTopics({ topics: ['more'], partitions: 1, replicas: 1 }),
        error => has(error, 'THROTTLING_QUOTA_EXCEEDED'),
    );
    await admin.deleteTopics({ topics: ['many'] });
}
