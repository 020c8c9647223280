// Where the package is that was built, and kafkajs.

import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

import { root } from '../tools/serve.mjs';

export const folder = process.env.KT ?? join(root, 'target/npm/kafka-terrarium');

const version = /^readonly KAFKAJS_VERSION=(.*)$/m.exec(readFileSync(join(root, 'tests/tools/env.sh'), 'utf8'))[1];
const cache = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'terrarium');

export const kafkajsHome = join(cache, `kafkajs-${version}`, 'node_modules/kafkajs');
