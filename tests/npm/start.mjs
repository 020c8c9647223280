// How long it takes from `import` to the first record produced and consumed by kafkajs, in a process of
// its own each time: `node tests/npm/start.mjs [RUNS]`. kafkajs itself is loaded before, as every test does.

import { execFileSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

import { folder, kafkajsHome } from './paths.mjs';

if (process.argv[2] !== 'once') {
    const times = Array.from({ length: Number(process.argv[2] ?? 10) }, () => JSON.parse(
        execFileSync(process.execPath, [fileURLToPath(import.meta.url), 'once']).toString(),
    ));
    for (const name of Object.keys(times[0])) {
        const sorted = times.map((it) => it[name]).sort((a, b) => a - b);
        console.log(`${name}: ${sorted[sorted.length >> 1].toFixed(0)} ms (${sorted[0].toFixed(0)} to ${sorted.at(-1).toFixed(0)})`);
    }
} else {
    const { Kafka, logLevel } = createRequire(import.meta.url)(kafkajsHome);
    const began = performance.now();
    const { Cluster } = await import(`${folder}/index.js`);
    const cluster = await Cluster.start({ topics: { rides: { partitions: 3, replicationFactor: 3 } } });
    const started = performance.now();
    const client = new Kafka({ brokers: cluster.bootstrapServers, socketFactory: cluster.socketFactory, logLevel: logLevel.ERROR });
    const producer = client.producer();
    await producer.connect();
    await producer.send({ topic: 'rides', acks: -1, messages: [{ value: 'first' }] });
    const produced = performance.now();
    const consumer = client.consumer({ groupId: 'readers' });
    await consumer.connect();
    await consumer.subscribe({ topic: 'rides', fromBeginning: true });
    await new Promise((resolve) => { consumer.run({ eachMessage: async () => resolve() }); });
    const consumed = performance.now();
    const times = { 'cluster started': started - began, produced: produced - began, consumed: consumed - began };
    process.stdout.write(JSON.stringify(times), () => process.exit());
}
