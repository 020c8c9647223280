// Serves the static files of dist/ on this machine only. `node serve.mjs PORT` until interrupted;
// with `--check` it only tells whether the port is free.

import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { createServer } from 'node:http';
import { dirname, extname, join, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = resolve(dirname(fileURLToPath(import.meta.url)), '../..');

const types = {
    '.css': 'text/css; charset=utf-8',
    '.csv': 'text/csv; charset=utf-8',
    '.html': 'text/html; charset=utf-8',
    '.ico': 'image/x-icon',
    '.js': 'text/javascript; charset=utf-8',
    '.json': 'application/json; charset=utf-8',
    '.png': 'image/png',
    '.svg': 'image/svg+xml',
    '.txt': 'text/plain; charset=utf-8',
    '.wasm': 'application/wasm',
    '.woff2': 'font/woff2',
};

// Serves `dir` below `prefix` (which starts and ends with a slash); port 0 takes a free one.
// Resolves to { url, close }.
export function serve(dir, port, prefix = '/') {
    const server = createServer(async (request, response) => {
        const file = await find(dir, prefix, request.url ?? '/');
        if (request.method !== 'GET' && request.method !== 'HEAD') {
            response.writeHead(405, { allow: 'GET, HEAD' }).end();
        } else if (!file) {
            response.writeHead(404, { 'content-type': 'text/plain' }).end('There is nothing here.\n');
        } else {
            response.writeHead(200, {
                'content-type': types[extname(file.path)] ?? 'application/octet-stream',
                'content-length': file.size,
                'cache-control': 'no-cache',
            });
            if (request.method === 'HEAD') {
                response.end();
            } else {
                createReadStream(file.path).on('error', () => response.destroy()).pipe(response);
            }
        }
    });
    return new Promise((done, failed) => {
        server.on('error', failed);
        server.listen(port, '127.0.0.1', () => {
            const close = () => new Promise((closed) => {
                server.close(closed);
                server.closeAllConnections();
            });
            done({ url: `http://127.0.0.1:${server.address().port}${prefix}`, close });
        });
    });
}

// The file that a URL names, if it is one inside `dir`.
async function find(dir, prefix, url) {
    try {
        const path = decodeURIComponent(url.split(/[?#]/)[0]);
        if (!path.startsWith(prefix)) {
            return null;
        }
        let file = resolve(dir, `.${sep}${path.slice(prefix.length)}`);
        if (file !== resolve(dir) && !file.startsWith(resolve(dir) + sep)) {
            return null;
        }
        let found = await stat(file);
        if (found.isDirectory()) {
            file = join(file, 'index.html');
            found = await stat(file);
        }
        return found.isFile() ? { path: file, size: found.size } : null;
    } catch {
        return null;
    }
}

async function main([port, check]) {
    if (!/^\d{1,5}$/.test(port ?? '') || Number(port) < 1 || Number(port) > 65535) {
        throw `PORT is '${port ?? ''}': it must be a number from 1 to 65535`;
    }
    const { url, close } = await serve(join(root, 'dist'), Number(port)).catch((error) => {
        throw error.code === 'EADDRINUSE'
            ? `port ${port} is in use: choose another one, as in \`make serve PORT=${Number(port) % 65535 + 1}\``
            : `cannot listen on port ${port}: ${error.message}`;
    });
    if (check) {
        await close();
    } else {
        console.log(`== Terrarium is at ${url} (Ctrl-C ends it)`);
    }
}

if (resolve(process.argv[1] ?? '') === fileURLToPath(import.meta.url)) {
    main(process.argv.slice(2)).catch((message) => {
        console.error(`error: ${message}`);
        process.exitCode = 1;
    });
}
