// What the tests of assess.js need: the module as the server gives it, a proxy
// that does harm, an EventSource, and waiting for a fact.

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import http from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

export const API = process.env.ASSESS_URL;


export async function served() {
    const response = await fetch(`${API}/assess.js`);

    if (response.status !== 200) {
        throw new Error(`assess.js: ${response.status}`);
    }

    const dir = await mkdtemp(join(tmpdir(), 'assess-js-'));

    try {
        const file = join(dir, 'assess.mjs');
        await writeFile(file, await response.text());
        return await import(pathToFileURL(file));

    } finally {
        await rm(dir, { recursive: true });
    }
}


// What the provider does, see t/lib/provider.c.
export async function provider(say) {
    await fetch(`${process.env.ASSESS_PROVIDER}/__control`,
                { method: 'POST', body: JSON.stringify(say) });
}

// How long it takes for each of its answers: what is in the middle stays there
// until it is told to go on.
export const slow = () => provider({ delayMs: 400 });
export const fast = () => provider({ delayMs: 10 });


export async function until(what, fact, ms = 30000) {
    const end = Date.now() + ms;

    for (;;) {
        const value = await fact();

        if (value) {
            return value;
        }

        if (Date.now() > end) {
            throw new Error(`waited too long: ${what}`);
        }

        await new Promise((resolve) => setTimeout(resolve, 20));
    }
}


// mode: open; held (streams begin, and nothing of them arrives); deaf (those
// that are open go silent); refused (streams are 502); away (all are cut off).
export class Proxy {
    mode = 'open';
    streams = 0;                // so far
    open = 0;                   // of them, now
    #server;
    #sockets = new Set();

    static async start() {
        const proxy = new Proxy();
        proxy.#server = http.createServer((q, s) => proxy.#pass(q, s));
        proxy.#server.on('connection', (socket) => {
            proxy.#sockets.add(socket);
            socket.on('close', () => proxy.#sockets.delete(socket));
        });
        await new Promise((resolve) =>
            proxy.#server.listen(0, '127.0.0.1', resolve));
        proxy.url = `http://127.0.0.1:${proxy.#server.address().port}/api`;
        return proxy;
    }

    away() {
        this.mode = 'away';
        this.#sockets.forEach((socket) => socket.destroy());
    }

    stop() {
        this.#server.close();
        this.#sockets.forEach((socket) => socket.destroy());
    }

    #pass(request, answer) {
        const stream = request.url.includes('/progress');

        if (this.mode === 'away') {
            request.socket.destroy();
            return;
        }

        if (stream) {
            this.streams++;
            this.open++;
            answer.on('close', () => this.open--);
        }

        if (stream && this.mode === 'refused') {
            answer.writeHead(502).end('no');
            return;
        }

        const to = http.request(new URL(request.url, API), {
            method: request.method, headers: request.headers,
        }, (from) => {
            answer.writeHead(from.statusCode, from.headers);

            from.on('data', (bytes) => {
                if (!stream || this.mode === 'open') {
                    answer.write(bytes);
                }
            });
            from.on('end', () => {
                if (!stream || this.mode === 'open') {
                    answer.end();
                }
            });
            from.on('error', () => answer.destroy());
        });

        to.on('error', () => answer.destroy());
        answer.on('close', () => to.destroy());
        request.pipe(to);
    }
}


// As the standard has it, as far as the module uses it.
export class MiniEventSource {
    static opened = 0;
    readyState = 0;
    onerror = null;
    #listeners = {};
    #abort = new AbortController();
    #last = '';

    constructor(url) {
        this.#run(url);
    }

    addEventListener(type, listener) {
        this.#listeners[type] = listener;
    }

    close() {
        this.readyState = 2;
        this.#abort.abort();
    }

    async #run(url) {
        while (this.readyState !== 2) {
            let status = 0;

            try {
                status = await this.#once(url);
            } catch {
                // the connection broke
            }

            if (this.readyState === 2) {
                return;
            }

            this.readyState = status && status !== 200 ? 2 : 0;
            this.onerror?.({ type: 'error' });

            await new Promise((resolve) => setTimeout(resolve, 100));
        }
    }

    async #once(url) {
        const response = await fetch(url, { signal: this.#abort.signal,
            headers: this.#last ? { 'Last-Event-ID': this.#last } : {} });

        MiniEventSource.opened++;

        if (response.status !== 200) {
            return response.status;
        }

        let rest = '';
        this.readyState = 1;

        for await (const text of
            response.body.pipeThrough(new TextDecoderStream()))
        {
            const blocks = (rest + text).split('\n\n');
            rest = blocks.pop();
            blocks.forEach((block) => this.#block(block));
        }

        return 200;
    }

    #block(block) {
        const field = (name) =>
            new RegExp(`^${name}: (.*)$`, 'm').exec(block)?.[1];

        this.#last = field('id') ?? this.#last;

        if (field('data') !== undefined && this.readyState !== 2) {
            this.#listeners[field('event')]?.({ type: field('event'),
                data: field('data'), lastEventId: this.#last });
        }
    }
}
