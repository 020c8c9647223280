// A socket in memory, as much like Node's as Kafka clients need: the events `connect`, `data`,
// `drain`, `end`, `error`, `timeout` and `close`.

const WRITTEN_MAX_BYTES = 64 * 1024;

/** Bytes as Node's sockets give them, where there is such a thing: by its bare name, for bundlers put theirs
 * in its place. */
function given(bytes) {
    return typeof Buffer === 'undefined' ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Listeners by event, in the order in which they came. */
class Emitter {
    #listeners = new Map();

    on(event, listener) {
        if (typeof listener !== 'function') {
            throw new TypeError('a listener must be a function');
        }
        this.#listeners.set(event, [...this.listeners(event), listener]);
        return this;
    }

    once(event, listener) {
        const once = (...what) => {
            this.off(event, once);
            listener.apply(this, what);
        };
        once.listener = listener;
        return this.on(event, once);
    }

    off(event, listener) {
        const listeners = this.listeners(event);
        const at = listeners.findLastIndex?.((it) => it === listener || it.listener === listener)
            ?? listeners.map((it) => it === listener || it.listener === listener).lastIndexOf(true);
        this.#listeners.set(event, listeners.filter((_, index) => index !== at));
        return this;
    }

    addListener(event, listener) { return this.on(event, listener); }

    removeListener(event, listener) { return this.off(event, listener); }

    removeAllListeners(event) {
        if (event === undefined) {
            this.#listeners.clear();
        } else {
            this.#listeners.delete(event);
        }
        return this;
    }

    listeners(event) { return this.#listeners.get(event) ?? []; }

    listenerCount(event) { return this.listeners(event).length; }

    emit(event, ...what) {
        const listeners = this.listeners(event);
        for (const listener of listeners) {
            listener.apply(this, what);
        }
        return listeners.length > 0;
    }
}

export class Socket extends Emitter {
    /** Its number in the world, once it is connected. */
    conn;
    /** What was written and not yet taken. */
    outbound = [];
    /** An answer is due. */
    awaits = false;
    isReferenced = true;
    /** It ends when everything is taken. */
    isEnding = false;
    connecting = true;
    destroyed = false;
    readable = true;
    writable = true;
    bytesRead = 0;
    bytesWritten = 0;
    writableLength = 0;

    #owner;
    #paused = [];
    #isPaused = false;
    #callbacks = [];
    #timeout;

    constructor(owner) {
        super();
        this.#owner = owner;
    }

    // ---- what clients call ----

    write(data, encoding, callback) {
        const done = typeof encoding === 'function' ? encoding : callback;
        if (!this.writable || this.destroyed) {
            const error = Object.assign(new Error('This socket has been ended'), { code: 'EPIPE' });
            queueMicrotask(() => { done?.(error); });
            return false;
        }
        const bytes = typeof data === 'string' ? new TextEncoder().encode(data) : data;
        if (!(bytes instanceof Uint8Array)) {
            throw new TypeError('write: expected a string, a Buffer or a Uint8Array');
        }
        this.outbound.push(bytes);
        this.writableLength += bytes.byteLength;
        this.bytesWritten += bytes.byteLength;
        this.awaits = true;
        this.#touched();
        if (done) {
            this.#callbacks.push(done);
        }
        this.#owner.wrote(this);
        return this.writableLength <= WRITTEN_MAX_BYTES;
    }

    end(data, encoding, callback) {
        const done = [data, encoding, callback].find((it) => typeof it === 'function');
        if (data !== undefined && data !== null && typeof data !== 'function') {
            this.write(data);
        }
        if (done) {
            this.once('close', done);
        }
        if (this.writable) {
            this.writable = false;
            if (this.outbound.length === 0 || this.connecting) {
                this.destroy();
            } else {
                this.isEnding = true;
            }
        }
        return this;
    }

    destroy(error) {
        if (!this.destroyed) {
            this.#close(() => {
                if (error) {
                    this.emit('error', error);
                }
            }, Boolean(error));
            this.#owner.closed(this);
        }
        return this;
    }

    destroySoon() { this.end(); }

    pause() {
        this.#isPaused = true;
        return this;
    }

    resume() {
        this.#isPaused = false;
        queueMicrotask(() => {
            while (!this.#isPaused && this.#paused.length > 0) {
                this.emit('data', this.#paused.shift());
            }
        });
        return this;
    }

    setTimeout(ms, listener) {
        clearTimeout(this.#timeout?.timer);
        this.#timeout = ms > 0 ? { ms } : undefined;
        if (listener) {
            this.once('timeout', listener);
        }
        this.#touched();
        return this;
    }

    setKeepAlive() { return this; }

    setNoDelay() { return this; }

    setEncoding() { throw new Error('these sockets give bytes'); }

    ref() {
        this.isReferenced = true;
        return this;
    }

    unref() {
        this.isReferenced = false;
        return this;
    }

    address() { return {}; }

    // ---- what the cluster calls ----

    connected() {
        if (!this.destroyed) {
            this.connecting = false;
            this.emit('connect');
            this.emit('ready');
        }
    }

    /** Takes the oldest bytes that were written. */
    taken() {
        const bytes = this.outbound.shift();
        this.writableLength -= bytes.byteLength;
        if (this.outbound.length === 0) {
            const done = this.#callbacks.splice(0);
            queueMicrotask(() => {
                for (const callback of done) {
                    callback();
                }
                if (!this.destroyed) {
                    this.emit('drain');
                }
            });
        }
        return bytes;
    }

    received(bytes) {
        if (!this.destroyed) {
            this.bytesRead += bytes.byteLength;
            this.#touched();
            if (this.#isPaused) {
                this.#paused.push(given(bytes));
            } else {
                this.emit('data', given(bytes));
            }
        }
    }

    /** The broker closed it, or died. */
    brokenOff(reason) {
        if (reason === 'the connection broke') {
            this.failed(Object.assign(new Error(`read ECONNRESET: ${reason}`), { code: 'ECONNRESET' }));
        } else if (reason === 'the broker does not listen') {
            this.failed(Object.assign(new Error(`connect ECONNREFUSED: ${reason}`), { code: 'ECONNREFUSED' }));
        } else {
            this.ended();
        }
    }

    ended() {
        if (!this.destroyed) {
            this.#close(() => this.emit('end'), false);
        }
    }

    failed(error) {
        if (!this.destroyed) {
            this.#close(() => this.emit('error', error), true);
        }
    }

    #close(tell, hadError) {
        this.destroyed = true;
        this.connecting = false;
        this.readable = false;
        this.writable = false;
        this.awaits = false;
        this.outbound = [];
        clearTimeout(this.#timeout?.timer);
        queueMicrotask(() => {
            try {
                tell();
            } finally {
                this.emit('close', hadError);
            }
        });
    }

    #touched() {
        if (this.#timeout) {
            clearTimeout(this.#timeout.timer);
            this.#timeout.timer = setTimeout(() => this.emit('timeout'), this.#timeout.ms);
            this.#timeout.timer?.unref?.();
        }
    }
}
