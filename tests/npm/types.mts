// Compiled, never run: what people write must fit the types of the package.

import { assign, Cluster, explain, partition, type Command, type Group } from '../../target/npm/kafka-terrarium/index.js';

const cluster: Cluster = await Cluster.start({
    brokers: 3,
    topics: { rides: { partitions: 3, replicationFactor: 3, configs: { 'retention.ms': 1000 } } },
    configs: { 'num.partitions': 2 },
    seed: 1,
    virtualTime: { tick: async (ms: number) => ms },
});
const servers: string[] = cluster.bootstrapServers;
const socket = cluster.socketFactory({ host: servers[0]!, port: 9092, ssl: undefined, onConnect: () => {} });
const kill: Command = { do: 'kill', node: 'broker-1' };
cluster.command(kill);
cluster.command({ do: 'drop_next', from: 'client', to: 'broker-1', frame: 'request', api: 'Produce' });
// @ts-expect-error: a kill needs a node
cluster.command({ do: 'kill' });
// @ts-expect-error: no such option
await Cluster.start({ broker: 3 });
await cluster.advance(45_000);
const seen: number = cluster.trace({ after: 0 }).next;
const digest: string | null = cluster.summary().digest;
await cluster.stop();
const group: Group = {
    topics: { rides: 3, stops: { partitions: 1, racks: [['a']] } },
    members: { a: { topics: ['rides'], owned: { rides: [0] }, generation: 1, instance: 'i', rack: 'a' } },
    left: { b: { rides: [1] } },
};
const rides: number[] | undefined = (await assign('sticky', group))['a']?.['rides'];
const why: string | undefined = (await explain('uniform', group))[0]?.why;
const partitions: number[] = await partition(['a', new Uint8Array(1), null], { partitions: 3, partitioner: 'fnv1a' });
// @ts-expect-error: no such assignor
await assign('stick', group);
export { digest, partitions, rides, seen, socket, why };
