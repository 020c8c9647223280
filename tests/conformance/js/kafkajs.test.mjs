// kafkajs: the stories, and what its admin client asks.

import assert from 'node:assert/strict';
import { Member, program, until } from './harness.mjs';
import { adapter } from './kafkajs.mjs';
import { tell } from './stories.mjs';

const TOPIC_RESOURCE = 2;
const BROKER_RESOURCE = 4;

tell(adapter, async ({ client, server }) => {
    const admin = await client.admin();
    await topics(admin);
    await configs(admin);
    await records(client, admin);
    await moves(admin);
    await groups(admin, server);
    await admin.deleteTopics({ topics: ['asked'] });
    assert.ok(!(await admin.listTopics()).includes('asked'));
});

async function topics(admin) {
    const { brokers, controller, clusterId } = await admin.describeCluster();
    assert.deepEqual(brokers.map(({ nodeId }) => nodeId).sort(), [1, 2, 3]);
    assert.ok(brokers.some(({ nodeId }) => nodeId === controller));
    assert.equal(typeof clusterId, 'string');
    const topic = { topic: 'asked', numPartitions: 2, replicationFactor: 2 };
    assert.equal(await admin.createTopics({ topics: [topic], validateOnly: true, waitForLeaders: false }), true);
    assert.ok(!(await admin.listTopics()).includes('asked'), 'it was only validated');
    assert.equal(await admin.createTopics({ topics: [topic], waitForLeaders: true }), true);
    assert.equal(await admin.createTopics({ topics: [topic] }), false, 'it is there already');
    assert.ok((await admin.listTopics()).includes('asked'));
    await assert.rejects(
        admin.createTopics({ topics: [{ topic: 'wrong', replicationFactor: 4 }] }),
        error => error.errors[0].type === 'INVALID_REPLICATION_FACTOR',
    );
    await admin.createPartitions({ topicPartitions: [{ topic: 'asked', count: 3 }] });
    const { partitions } = (await admin.fetchTopicMetadata({ topics: ['asked'] })).topics[0];
    assert.equal(partitions.length, 3);
    assert.ok(partitions.every(({ replicas, isr }) => replicas.length === 2 && isr.length === 2));
}

async function configs(admin) {
    const ask = async (type, name, configNames) => {
        const { resources } = await admin.describeConfigs({ resources: [{ type, name, configNames }] });
        return Object.fromEntries(resources[0].configEntries.map(entry => [entry.configName, entry]));
    };
    const names = ['retention.ms', 'cleanup.policy'];
    const before = await ask(TOPIC_RESOURCE, 'asked', names);
    assert.deepEqual(Object.keys(before).sort(), [...names].sort());
    assert.equal(before['retention.ms'].configValue, '604800000');
    assert.equal(before['retention.ms'].isDefault, true);
    await admin.alterConfigs({
        validateOnly: false,
        resources: [{ type: TOPIC_RESOURCE, name: 'asked', configEntries: [{ name: 'retention.ms', value: '3600000' }] }],
    });
    const after = await ask(TOPIC_RESOURCE, 'asked', names);
    assert.equal(after['retention.ms'].configValue, '3600000');
    assert.equal(after['retention.ms'].isDefault, false);
    const broker = await ask(BROKER_RESOURCE, '1', ['broker.id', 'num.partitions']);
    assert.equal(broker['broker.id'].configValue, '1');
}

async function records(client, admin) {
    const sent = [0, 1, 2, 3, 4].map(i => ({ partition: 0, value: `${i}`, timestamp: Date.now() - 5000 + i * 1000 }));
    await client.produce('asked', sent);
    // It deletes by what it happens to know already of the topic's leaders.
    await admin.fetchTopicOffsets('asked');
    await admin.deleteTopicRecords({ topic: 'asked', partitions: [{ partition: 0, offset: '2' }] });
    const offsets = await admin.fetchTopicOffsets('asked');
    assert.deepEqual(offsets.find(({ partition }) => partition === 0), {
        partition: 0,
        offset: '5',
        high: '5',
        low: '2',
    });
    const at = await admin.fetchTopicOffsetsByTimestamp('asked', sent[3].timestamp);
    assert.equal(at.find(({ partition }) => partition === 0).offset, '3');
}

async function moves(admin) {
    const replicas = async () => {
        const { partitions } = (await admin.fetchTopicMetadata({ topics: ['asked'] })).topics[0];
        return partitions.find(({ partitionId }) => partitionId === 0);
    };
    const [one, two] = (await replicas()).replicas;
    const other = [1, 2, 3].find(id => id !== one && id !== two);
    await admin.alterPartitionReassignments({
        topics: [{ topic: 'asked', partitionAssignment: [{ partition: 0, replicas: [other, one] }] }],
    });
    await until('the partition has moved', async () => {
        const { topics } = await admin.listPartitionReassignments({});
        const { isr } = await replicas();
        return topics.length === 0 && String([...isr].sort()) === String([other, one].sort());
    });
    assert.deepEqual((await replicas()).replicas, [other, one]);
}

async function groups(admin, server) {
    const member = new Member(program(adapter.program), server, 'asked', 'watched');
    try {
        await until('it has read all', () => member.seen.length >= 3);
        const { groups } = await admin.listGroups();
        assert.deepEqual(
            groups.find(({ groupId }) => groupId === 'watched'),
            { groupId: 'watched', protocolType: 'consumer' },
        );
        const [described] = (await admin.describeGroups(['watched'])).groups;
        assert.equal(described.state, 'Stable');
        assert.equal(described.members.length, 1);
        const [refused] = (await admin.deleteGroups(['watched']).catch(error => error)).groups;
        assert.equal(refused.error.type, 'NON_EMPTY_GROUP');
        await member.stop();
    } finally {
        await member.kill();
    }
    const committed = async () => {
        const [{ partitions }] = await admin.fetchOffsets({ groupId: 'watched', topics: ['asked'] });
        return partitions.find(({ partition }) => partition === 0).offset;
    };
    assert.equal(await committed(), '5');
    await admin.setOffsets({ groupId: 'watched', topic: 'asked', partitions: [{ partition: 0, offset: '3' }] });
    assert.equal(await committed(), '3');
    assert.equal((await admin.deleteGroups(['watched']))[0].errorCode, 0);
    const { groups } = await admin.listGroups();
    assert.ok(!groups.some(({ groupId }) => groupId === 'watched'));
}
