// What a cluster is started with, as a scenario; and what is wrong with it, in the words of the options.

const OPTIONS = {
    brokers: [isWhole, 'a whole number from 1'],
    topics: [isObject, 'an object: { name: { partitions, replicationFactor, configs } }'],
    configs: [isObject, 'an object of broker configs by Kafka\'s names'],
    network: [isObject, 'an object: { latencyMs, jitterMs, bytesPerMs }'],
    seed: [isSeed, 'a whole number from 0'],
    epochMs: [Number.isSafeInteger, 'milliseconds since 1970'],
    virtualTime: [(value) => typeof value === 'boolean' || isObject(value), 'true, false, or { tick, stepMs }'],
    watch: [(value) => typeof value === 'boolean', 'true or false'],
    traceEntries: [isSeed, 'a whole number from 0'],
};
const TOPIC = {
    partitions: [isWhole, 'a whole number from 1'],
    replicationFactor: [isWhole, 'a whole number from 1'],
    configs: [isObject, 'an object of topic configs by Kafka\'s names'],
};
const NETWORK = {
    latencyMs: [isDuration, 'milliseconds'],
    jitterMs: [isDuration, 'milliseconds'],
    bytesPerMs: [isWhole, 'a whole number from 1'],
};
const VIRTUAL_TIME = {
    tick: [(value) => typeof value === 'function', 'a function of milliseconds'],
    stepMs: [(value) => isDuration(value) && value > 0, 'milliseconds'],
};

/** What is not said is as Kafka has it, but for this: tests should not wait. */
const CONFIGS = {
    'group.initial.rebalance.delay.ms': 0,
    'offsets.topic.num.partitions': 5,
    // The metadata log is never cut here.
    'metadata.max.idle.interval.ms': 0,
};
/** By so much, about, a world is older than its door. */
const WARM_UP_MS = 720;

function isWhole(value) { return Number.isSafeInteger(value) && value >= 1; }

function isSeed(value) { return Number.isSafeInteger(value) && value >= 0; }

function isDuration(value) { return typeof value === 'number' && value >= 0 && Number.isFinite(value); }

function isObject(value) { return typeof value === 'object' && value !== null && !Array.isArray(value); }

function check(values, known, where) {
    for (const [name, value] of Object.entries(values)) {
        const path = where ? `${where}.${name}` : name;
        if (!Object.hasOwn(known, name)) {
            throw new TypeError(`${path} is not known: there are ${Object.keys(known).join(', ')}`);
        }
        const [isRight, expected] = known[name];
        if (value !== undefined && !isRight(value)) {
            throw new TypeError(`${path}: expected ${expected}, found ${shown(value)}`);
        }
    }
}

function shown(value) {
    return typeof value === 'function' ? 'a function' : JSON.stringify(value) ?? String(value);
}

/** The scenario of a cluster; throws what is wrong with its options. */
export function scenarioOf(options) {
    if (!isObject(options)) {
        throw new TypeError(`expected an object of options, found ${shown(options)}`);
    }
    check(options, OPTIONS);
    check(options.network ?? {}, NETWORK, 'network');
    if (isObject(options.virtualTime)) {
        check(options.virtualTime, VIRTUAL_TIME, 'virtualTime');
    }
    const topics = [];
    const brokers = options.brokers ?? 3;
    for (const [name, topic] of Object.entries(options.topics ?? {})) {
        if (!isObject(topic)) {
            const expected = '{ partitions, replicationFactor, configs }';
            throw new TypeError(`topics["${name}"]: expected ${expected}, found ${shown(topic)}`);
        }
        check(topic, TOPIC, `topics["${name}"]`);
        const { partitions, replicationFactor, configs = {} } = topic;
        topics.push({ name, partitions, replication_factor: replicationFactor, configs });
    }
    const { latencyMs = 0.05, jitterMs = 0.02, bytesPerMs = 12_500_000 } = options.network ?? {};
    return {
        title: 'kafka-terrarium',
        seed: options.seed ?? 1,
        epoch_ms: (options.epochMs ?? Date.now()) - WARM_UP_MS,
        cluster: {
            brokers,
            configs: {
                ...CONFIGS,
                // Kafka's default is 3, with which a smaller cluster has no groups.
                ...(brokers < 3 ? { 'offsets.topic.replication.factor': brokers } : {}),
                ...options.configs,
            },
        },
        network: { latency_ms: latencyMs, jitter_ms: jitterMs, bytes_per_ms: bytesPerMs },
        topics,
    };
}

/** An error of the world, in the words of the options. */
export function inTheirWords(error, scenario) {
    const text = String(error?.message ?? error)
        .replaceAll(/line \d+, column \d+: /g, '')
        .replaceAll(/ at line \d+ column \d+/g, '')
        .replaceAll(/topics\[(\d+)\]/g, (path, index) => `topics["${scenario?.topics[index]?.name ?? index}"]`)
        .replaceAll('cluster.', '')
        .replaceAll('replication_factor', 'replicationFactor');
    return new Error(text, { cause: error });
}
