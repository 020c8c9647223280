// Where the package is that was built, kafkajs, and a bundler.

import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

import { root } from '../tools/serve.mjs';

export const folder = process.env.KT ?? join(root, 'target/npm/kafka-terrarium');

const tools = readFileSync(join(root, 'tests/tools/env.sh'), 'utf8');
const version = (name) => new RegExp(`^readonly ${name}_VERSION=(.*)$`, 'm').exec(tools)[1];
const cache = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'terrarium');

export const kafkajsHome = join(cache, `kafkajs-${version('KAFKAJS')}`, 'node_modules/kafkajs');
export const bundlerHome = join(cache, `esbuild-${version('ESBUILD')}`, 'node_modules');
