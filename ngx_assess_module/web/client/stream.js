import { parse, pause } from './base.js';


// Streams: they come back by themselves, after their last event, until they are
// closed, by close() or by the server.  sign() is any byte; lost() says in how
// many milliseconds the next try begins.

// until the server says another; an EventSource does not tell
const RETRY = 2000;

const TYPES = ['connected', 'queued', 'progress', 'complete', 'error',
               'cancelled', 'batch', 'counters', 'reset'];


export function openStream(client, options, path, on) {
    const Source = options.EventSource ?? globalThis.EventSource;

    return Source && !options.headers && !options.fetch
        ? eventSource(Source, client.url + path, options, on)
        : fetchStream(client, path, on);
}


function eventSource(Source, url, { credentials }, on) {
    const source = new Source(url,
        { withCredentials: credentials === 'include' });

    for (const type of TYPES) {
        source.addEventListener(type, (message) => {

            // its own errors have no data
            if (typeof message.data === 'string') {
                on.event({ id: message.lastEventId && idIn(type, message),
                           type, data: parse(message.data) ?? {} });
            }
        });
    }

    source.onerror = (message) => {
        if (typeof message.data === 'string') {
            return;
        }

        if (source.readyState === 2) {
            on.closed();

        } else {
            on.lost(RETRY);
        }
    };

    return { close: () => source.close() };
}


// an event without an id has that of the event before it
function idIn(type, { lastEventId }) {
    return ['connected', 'counters', 'reset'].includes(type) ? ''
                                                             : lastEventId;
}


function fetchStream(client, path, on) {
    const abort = new AbortController();
    const { signal } = abort;
    let last = '', retry = RETRY;

    const once = async () => {
        const headers = new Headers(await client.headers());

        headers.set('Accept', 'text/event-stream');

        if (last) {
            headers.set('Last-Event-ID', last);
        }

        const response = await client.fetch(client.url + path,
                                            { headers, signal });

        if (response.status !== 200) {
            await response.body?.cancel();
            return response.status;
        }

        await readEvents(response.body, signal, {
            sign: on.sign,
            retry: (ms) => { retry = ms; },
            event: (id, type, data) => {
                last = id || last;
                on.event({ id, type, data: parse(data) ?? {} });
            },
        });

        return 0;
    };

    (async () => {
        while (!signal.aborted) {
            const status = await once().catch(() => 0);

            // what may pass is tried again
            if (status !== 0 && status !== 429 && status < 500) {
                abort.abort();
                on.closed();
                return;
            }

            if (!signal.aborted) {
                on.lost(retry);
                await pause(retry, signal).catch(() => {});
            }
        }
    })();

    return { close: () => abort.abort() };
}


export async function readEvents(body, signal, on) {
    const reader = body.pipeThrough(new TextDecoderStream()).getReader();
    let rest = '', id = '', type = '', data = [];

    const line = (text) => {
        const [, name, value] = /^([^:]*):? ?(.*)$/s.exec(text);

        if (text === '') {
            if (data.length) {
                on.event(id, type || 'message', data.join('\n'));
            }
            id = type = '';
            data = [];

        } else if (name === 'data') {
            data.push(value);

        } else if (name === 'event') {
            type = value;

        } else if (name === 'id') {
            id = value;

        } else if (name === 'retry' && /^\d+$/.test(value)) {
            on.retry(Number(value));
        }
    };

    for (;;) {
        const { done, value } = await reader.read();

        if (done || signal.aborted) {
            return;
        }

        on.sign();

        const lines = (rest + value).split('\n');
        rest = lines.pop();

        for (const text of lines) {
            line(text.endsWith('\r') ? text.slice(0, -1) : text);

            if (signal.aborted) {
                return;
            }
        }
    }
}
