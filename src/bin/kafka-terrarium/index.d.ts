// Types of kafka-terrarium.

/** Configs by Kafka's names: `{ 'segment.bytes': 1000000 }`. */
export type Configs = Record<string, string | number | boolean>;

/** A topic that is there from the beginning. */
export interface TopicOptions {
    /** The brokers' `num.partitions`, 1, without it. */
    partitions?: number;
    /** The brokers' `default.replication.factor`, 1, without it. */
    replicationFactor?: number;
    configs?: Configs;
}

/** How long messages take in the cluster's network. */
export interface NetworkOptions {
    /** One way; 0.05 without it. */
    latencyMs?: number;
    /** Up to so much more, by chance; 0.02 without it. */
    jitterMs?: number;
    /** 12,500,000 without it. */
    bytesPerMs?: number;
}

/** What keeps a test's own timers with the cluster's clock. */
export interface VirtualTimeOptions {
    /** Called with milliseconds as time passes; what it returns is waited for. */
    tick?: (ms: number) => unknown;
    /** So much passes at most between two calls of `tick`; 100 without it. */
    stepMs?: number;
}

export interface ClusterOptions {
    /** How many brokers, from 1; 3 without it. */
    brokers?: number;
    /** Topics by their names. */
    topics?: Record<string, TopicOptions>;
    /** Broker configs. `group.initial.rebalance.delay.ms` is 0 and `offsets.topic.num.partitions` 5 unless they are here. */
    configs?: Configs;
    network?: NetworkOptions;
    /** The source of all randomness; 1 without it. */
    seed?: number;
    /** What the brokers' clocks show when it starts, in milliseconds since 1970; now without it. */
    epochMs?: number;
    /** Time passes only by `advance`. */
    virtualTime?: boolean | VirtualTimeOptions;
    /** Checks Kafka's promises after every step and computes a digest. What is remembered grows. */
    watch?: boolean;
    /** How many entries of the trace are remembered; 10,000 without it. */
    traceEntries?: number;
}

/** Nodes go by name: `broker-1`, `controller`, and clients as `socketFactoryOf` names them. */
export type Command =
    | { do: 'kill' | 'power_loss' | 'restart' | 'pause' | 'resume'; node: string }
    | { do: 'cut' | 'heal'; a: string; b: string }
    | { do: 'slow'; a: string; b: string; latency_ms: number }
    | { do: 'drop'; sent: number }
    | { do: 'drop_next'; from: string; to: string; frame: 'request' | 'response'; api?: string; count?: number }
    | {
        do: 'create_topic';
        topic: string;
        partitions: number;
        replication_factor: number;
        configs?: Record<string, string>;
    }
    | { do: 'set_config'; topic: string; name: string; value?: string };

export interface Summary {
    scenario: string;
    seed: number;
    /** The world's time. */
    t_ms: number;
    /** How many trace entries there were. */
    events: number;
    /** Of all that happened; only of a cluster that is watched, as the next two. */
    digest: string | null;
    violations: Array<{ invariant: string; detail: string; [name: string]: unknown }> | null;
    records: Record<string, number> | null;
    brokers: Array<Record<string, unknown>>;
    topics: Array<Record<string, unknown>>;
    groups: Array<Record<string, unknown>>;
    /** How many sockets are connected. */
    connections: number;
}

/** Something that happened. */
export interface TraceEntry {
    /** Its number, from 1. */
    seq: number;
    [name: string]: unknown;
}

export interface Trace {
    /** Oldest first. */
    entries: TraceEntry[];
    /** What to ask after next. */
    next: number;
    /** Entries before these are forgotten already. */
    missed: boolean;
}

/** As much of Node's `net.Socket` as Kafka clients use, over memory. */
export interface Socket {
    readonly connecting: boolean;
    readonly destroyed: boolean;
    readonly bytesRead: number;
    readonly bytesWritten: number;
    write(data: Uint8Array | string, encoding?: string, callback?: (error?: Error) => void): boolean;
    write(data: Uint8Array | string, callback?: (error?: Error) => void): boolean;
    end(data?: Uint8Array | string): this;
    destroy(error?: Error): this;
    on(event: string, listener: (...what: any[]) => void): this;
    once(event: string, listener: (...what: any[]) => void): this;
    off(event: string, listener: (...what: any[]) => void): this;
    removeAllListeners(event?: string): this;
    pause(): this;
    resume(): this;
    ref(): this;
    unref(): this;
    setTimeout(ms: number, listener?: () => void): this;
    setKeepAlive(on?: boolean, delayMs?: number): this;
    setNoDelay(on?: boolean): this;
}

/** For kafkajs's option of this name. */
export type SocketFactory = (to: {
    host: string;
    port: number;
    /** Not spoken: a socket that asks for it fails. */
    ssl?: any;
    onConnect?: () => void;
}) => any;

/** A cluster that runs. */
export class Cluster {
    private constructor();

    /** Starts a cluster; resolves when its brokers answer and its topics are there. */
    static start(options?: ClusterOptions): Promise<Cluster>;

    /** Where its brokers are: names that only its sockets know. */
    readonly bootstrapServers: string[];

    /** For kafkajs's option of this name. */
    readonly socketFactory: SocketFactory;

    /** The same for a client with a name of its own, whose links can be cut and slowed. */
    socketFactoryOf(client: string): SocketFactory;

    /** What its clock shows, in milliseconds since it started. */
    readonly now: number;

    /** Does something to it, at once. Throws when it cannot be done. */
    command(command: Command): void;

    /** Where everything stands. */
    summary(): Summary;

    /** What happened after entry number `after`, 0 without it; at most `limit` entries, 1,000 without it. */
    trace(options?: { after?: number; limit?: number }): Trace;

    /** Virtual time: lets so much pass, and clients do what they do meanwhile. */
    advance(ms: number, options?: VirtualTimeOptions): Promise<void>;

    /** Ends it: all its sockets end, and nothing is left. */
    stop(): Promise<void>;
}

/** The first four decide for classic groups, as their leaders do; the others, as a coordinator does, for consumer groups (KIP-848). */
export type Assignor = 'range' | 'roundrobin' | 'sticky' | 'cooperative-sticky' | 'uniform' | 'server-range';

/** Partitions by topic. */
export type Partitions = Record<string, number[]>;

export interface GroupMember {
    /** What it subscribes to. */
    topics: string[];
    /** What it has now. */
    owned?: Partitions;
    /** In which generation it got that; of two that claim a partition, the newer is believed. */
    generation?: number;
    /** Its `group.instance.id`. */
    instance?: string | null;
    /** Its `client.rack`. */
    rack?: string | null;
}

export interface Group {
    /** How many partitions each topic has, and perhaps in which racks the replicas of each are. */
    topics: Record<string, number | { partitions: number; racks?: string[][] }>;
    members: Record<string, GroupMember>;
    /** What members owned that have left: only `explain` asks. */
    left?: Record<string, Partitions>;
}

/** What becomes of a partition, and why. */
export interface Explanation {
    topic: string;
    partition: number;
    change: 'stays' | 'moves' | 'new' | 'revoked' | 'waits';
    from: string | null;
    to: string | null;
    /** Who gets it in the rebalance that follows. */
    next: string | null;
    /** A sentence. */
    why: string;
}

/** Which member of a group gets which partitions. */
export function assign(assignor: Assignor, group: Group): Promise<Record<string, Partitions>>;

/** Why that is so, one explanation a partition. */
export function explain(assignor: Assignor, group: Group): Promise<Explanation[]>;

/** Java's, librdkafka's and kafkajs's partitioners. */
export type Partitioner =
    | 'default' | 'round_robin'
    | 'murmur2' | 'murmur2_random' | 'consistent' | 'consistent_random' | 'fnv1a' | 'fnv1a_random' | 'random'
    | 'kafkajs-default' | 'kafkajs-legacy';

/** Which partitions a producer sends these keys to, one after the other. */
export function partition(
    keys: Iterable<string | Uint8Array | null>,
    options: {
        /** How many the topic has. */
        partitions: number;
        /** Java's default without it. */
        partitioner?: Partitioner;
        /** The source of randomness, for those that do not go by the key; 1 without it. */
        seed?: number;
    },
): Promise<number[]>;
