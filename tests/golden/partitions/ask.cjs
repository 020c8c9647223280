// Where kafkajs puts each key: { partitioner: { count: [partition, …] } }.

const { readFileSync } = require('node:fs');
const { Partitioners } = require('kafkajs');

const { counts, keys } = JSON.parse(readFileSync(process.argv[2], 'utf8'));
const said = {};
for (const [name, create] of [
    ['kafkajs-default', Partitioners.DefaultPartitioner],
    ['kafkajs-legacy', Partitioners.LegacyPartitioner],
]) {
    const choose = create();
    said[name] = {};
    for (const count of counts) {
        // All that it looks at, since so many partitions would not fit in memory.
        const partitionMetadata = { length: count, filter: () => [] };
        said[name][count] = keys.map((key) =>
            choose({ topic: 't', partitionMetadata, message: { key: Buffer.from(key, 'hex') } }));
    }
}
console.log(JSON.stringify(said));
