import { AssessError, each } from './base.js';
import { Line } from './line.js';
import { Store, idOf, keyOf, keysOf, kindOf, readState } from './store.js';
import { Tabs, sharedName } from './tabs.js';


// What follow() returns.

export class Following {
    #hub;
    #options;
    #settle;
    #ended = new AbortController();
    #told = new Map();

    constructor(hub, keys, options) {
        this.#hub = hub;
        this.#options = options;
        this.keys = keys;
        this.closed = false;
        this.state = hub.state;
        this.finished = new Promise((resolve, reject) => {
            this.#settle = { resolve, reject };
        });

        // who does not ask for it need not catch it
        this.finished.catch(() => {});

        if (options.signal?.aborted) {
            this.#end(options.signal.reason);
            return;
        }

        options.signal?.addEventListener('abort',
            () => this.#end(options.signal.reason),
            { signal: this.#ended.signal });

        hub.add(this);
    }

    get values() {
        return this.keys.map((key) => this.#hub.store.whole(key))
            .filter((value) => value);
    }

    close() {
        this.#end(new AssessError(0, { title: 'Closed' }));
    }

    fail(error) {
        this.#tell('onError', error);
        this.#end(error);
    }

    // what is wrong now may be right later
    warn(error) {
        this.#tell('onError', error);
    }

    tellState(state) {
        this.state = state;
        this.#tell('onState', state);
    }

    tellEvent(event) {
        const { data } = event;

        if (event.type === 'counters') {
            if (this.keys.includes('all')) {
                const { type, ...counters } = data;
                this.#tell('onCounters', counters);
            }
            return;
        }

        if (event.type === 'reset'
            || this.keys.some((key) => key === 'all' || key === keyOf(data)
                || key === `batch:${data.batchId}`
                || key === `document:${data.documentId}`))
        {
            this.#tell('onEvent', event);
        }
    }

    // the values, each once, and the end when all are final
    tellValues() {
        if (this.closed) {
            return;
        }

        for (const key of this.keys) {
            const value = this.#hub.store.whole(key);

            if (value && this.#told.get(key) !== value) {
                this.#told.set(key, value);
                this.#tell(value.jobId ? 'onJob' : 'onBatch', value);
            }
        }

        if (this.keys.every((key) => this.#hub.store.isOver(key))) {
            this.#settle.resolve(this.values);
        }
    }

    // Nothing after the end.  A call that throws is reported like a listener of
    // events that does: it keeps nobody else from being told.
    #tell(name, what) {
        if (this.closed) {
            return;
        }

        try {
            this.#options[name]?.(what);

        } catch (error) {
            (globalThis.reportError ?? console.error)(error);
        }
    }

    #end(reason) {
        if (!this.closed) {
            this.closed = true;
            this.#ended.abort();
            this.#hub.remove(this);
            this.#settle.reject(reason);
        }
    }
}


// All that a page follows.

export class Hub {
    #client;
    #line;
    #followings = new Set();
    #abort = new AbortController();
    #reading = new Set();

    store = new Store();
    state = { source: 'none', stale: false };

    constructor(client, options) {
        const on = {
            event: (event) => this.#event(event),
            state: (state) => this.#state(state),
            error: (error, key) => this.#error(error, key),
        };
        const line = (calls) => new Line(client, options, calls);
        const name = sharedName(client, options);

        this.#client = client;
        this.#line = name ? new Tabs(name, line, on) : line(on);
    }

    add(following) {
        this.#followings.add(following);

        const keys = following.keys.filter((key) =>
            ['job', 'batch'].includes(kindOf(key)));

        keys.forEach((key) => this.store.add(key));

        // what is known is told, but after follow() has returned
        queueMicrotask(() => following.tellValues());

        this.#read(keys.filter((key) => !this.store.whole(key)),
                   (error) => following.fail(error))
            .then(() => this.update());
    }

    remove(following) {
        this.#followings.delete(following);
        this.update();
    }

    // a call of this page changed it: what was over may go on
    changed(data, mark) {
        this.#event({ id: '', type: 'state', data }, mark);
        this.update();
    }

    update() {
        const all = [...this.#followings].flatMap((f) => f.keys);

        this.store.keep(new Set(all));
        this.#line.want(new Set(all.filter((key) => !this.store.isOver(key))));
    }

    close() {
        this.#abort.abort();
        [...this.#followings].forEach((following) => following.close());
        this.#line.close();
    }

    // Before the stream is opened: all that it tells is later than this.
    async #read(keys, failed) {
        await each(keys, async (key) => {
            const mark = this.store.mark(key);

            this.#reading.add(key);

            try {
                const data = await readState(this.#client, key,
                                             this.#abort.signal);
                this.#event({ id: '', type: 'state', data }, mark);

            } catch (error) {
                if (error.status === 404 || error.status === 403
                    || error.status === 401)
                {
                    failed(error);
                }

                // else the line tries again, or what it tells
            }

            this.#reading.delete(key);
        });
    }

    #event(event, mark) {
        if (event.type === 'reset') {
            this.store.forgetIds();

        } else if (event.type !== 'counters' && this.store.take(event, mark)) {
            const key = keyOf(event.data);

            this.#followings.forEach((following) => following.tellValues());

            if (this.store.isOver(key)) {
                this.update();
            }

            // the event alone is not all there is of it
            if (!this.store.whole(key) && !this.#reading.has(key)) {
                this.#read([key], (error) => this.#error(error, key));
            }
        }

        this.#followings.forEach((following) => following.tellEvent(event));
    }

    #state(state) {
        this.state = state;
        this.#followings.forEach((following) => following.tellState(state));
    }

    #error(error, key) {
        for (const following of [...this.#followings]) {
            if (key === undefined) {
                following.warn(error);

            } else if (following.keys.includes(key)) {
                following.fail(error);
            }
        }
    }
}
