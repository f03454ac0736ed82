import { each, pause } from './base.js';
import { Store, idOf, isLater, kindOf, readState } from './store.js';
import { openStream } from './stream.js';


// ids in the query of a stream; with more than that it is not narrowed
const NARROW = 100;

// what does not change without an event: of jobs, of batches, of counters
const TOLD = ['status', 'stage', 'progress', 'completedBatches',
              'completedDocuments', 'queued', 'processing'];

// ids of events that are remembered
const RECENT = 1000;


// One connection: a stream of events, or states that are read again and again
// while there cannot be one.
//
// A stream that is narrowed begins with where all of its jobs are, so a new one
// is opened whenever there is more to follow, and after states were read; one
// that broke off goes on after its last event.

export class Line {
    #client;
    #options;
    #on;
    #store = new Store();
    #wanted = new Set();
    #has = new Set();           // that the stream was opened for
    #narrow = true;             // and whether it is narrowed to these
    #stream = null;
    #old = null;                // which the new one is about to replace
    #last = '';                 // the id of the last event
    #recent = new Set();        // ids: two streams overlap
    #read = false;              // states were read since that
    #count = 0;                 // of events
    #looks = new Map();         // what was read, and the count then
    #down = false;              // the server did not answer
    #timers = {};
    #failures = 0;
    #polling = null;            // an AbortController
    #sign = Date.now();         // when the server was last heard
    #state = { source: 'none', stale: false };

    constructor(client, options, on) {
        this.#client = client;
        this.#options = options;
        this.#on = on;
    }

    // A set of keys, none of which is over as far as who wants them knows.
    want(keys) {
        this.#wanted = new Set(keys);
        this.#store.keep(keys);
        keys.forEach((key) => this.#store.add(key));

        if (keys.size === 0) {
            this.close();

        } else if (!this.#covers() && !this.#timers.again) {
            this.#later('open', 10, () => this.#covers() || this.#open(true));
        }
    }

    // What is known of them, as events.
    known(keys) {
        return this.#store.events(keys);
    }

    get state() {
        return this.#state;
    }

    close() {
        Object.keys(this.#timers).forEach((name) => this.#cancel(name));
        this.#stream?.close();
        this.#old?.close();
        this.#polling?.abort();
        this.#stream = this.#old = this.#polling = null;
        this.#has = new Set();
        this.#last = '';
        this.#looks.clear();
        this.#read = this.#down = false;
        this.#failures = 0;
        this.#tell({ source: 'none', stale: false });
    }

    #covers() {
        return this.#stream !== null && this.#narrow === isNarrow(this.#wanted)
            && (!this.#narrow
                || [...this.#wanted].every((key) => this.#has.has(key)));
    }

    #open(fresh) {
        const params = new URLSearchParams();

        this.#has = new Set(this.#wanted);
        this.#narrow = isNarrow(this.#has);

        if (this.#narrow) {
            this.#has.forEach((key) =>
                params.append(`${kindOf(key)}Id`, idOf(key)));
        }

        if (fresh) {
            this.#last = '';
        }

        if (this.#last) {
            params.append('lastEventId', this.#last);
        }

        // the one before goes on until this one has begun
        this.#old?.close();
        this.#old = this.#stream;

        this.#cancel('open');
        this.#cancel('again');
        this.#later('connect', this.#options.connectTimeout,
                    () => this.#failed());

        const query = `${params}`;
        const stream = openStream(this.#client, this.#options,
            `/assessments/progress${query && `?${query}`}`, {
                event: (event) => this.#event(event, stream),
                sign: () => this.#heard(),
                lost: (ms) => {
                    if (stream === this.#stream && !this.#timers.connect) {
                        this.#later('connect',
                            ms + this.#options.connectTimeout,
                            () => this.#failed());
                    }
                },
                closed: () => {
                    if (stream === this.#stream) {
                        this.#failed();
                    }
                },
            });

        this.#stream = stream;
    }

    #heard() {
        this.#sign = Date.now();
        this.#later('quiet', this.#options.quietTimeout, () => this.#listen());
    }

    // That of a stream which is about to be replaced says nothing of where the
    // new one begins.
    #event(event, stream) {
        const isNew = stream === this.#stream;

        this.#heard();
        this.#count++;

        if (event.type === 'connected') {
            if (isNew) {
                this.#connected();
            }
            return;
        }

        if (event.type === 'reset') {
            this.#store.forgetIds();
            this.#recent.clear();
            this.#last = '';
        }

        if (event.id) {
            if (this.#recent.has(event.id)) {
                return;
            }

            this.#recent.add(event.id);

            if (this.#recent.size > RECENT) {
                this.#recent.delete(this.#recent.values().next().value);
            }

            if (isNew && (!this.#last || isLater(event.id, this.#last))) {
                this.#last = event.id;
            }
        }

        this.#pass(event);
    }

    #pass(event) {
        if (event.data.jobId || event.data.batchId) {
            this.#store.take(event);
        }

        this.#on.event(event);
    }

    #connected() {
        this.#old?.close();
        this.#old = null;
        this.#polling?.abort();
        this.#polling = null;
        this.#read = this.#down = false;
        this.#failures = 0;
        this.#cancel('connect');
        this.#cancel('again');
        this.#tell({ source: 'stream', stale: false });

        // one that is not narrowed says nothing of what there is
        if (!this.#narrow && !this.#last) {
            this.#on.event({ id: '', type: 'reset', data: { type: 'reset' } });
            this.#round().catch(() => {});
        }
    }

    // No stream for now, or the end of one: an EventSource does not say which.
    #failed() {
        this.#cancel('connect');
        this.#cancel('quiet');
        this.#stream?.close();
        this.#old?.close();
        this.#stream = this.#old = null;
        this.#has = new Set();
        this.#failures++;

        if (this.#wanted.size === 0) {
            return;
        }

        this.#openAgain(this.#options.retryStream
            * Math.min(2 ** (this.#failures - 1), 6)
            * (0.8 + 0.4 * Math.random()));

        if (this.#state.source === 'stream') {
            this.#tell({ source: 'none', stale: false });
        }

        this.#poll();
    }

    // Where states were read the events before that are not wanted any more.
    #openAgain(ms) {
        this.#later('again', ms, () => this.#open(this.#read));
    }

    #poll() {
        if (this.#polling) {
            return;
        }

        const polling = new AbortController();
        this.#polling = polling;

        const turn = async () => {
            try {
                await this.#round(polling.signal);

                if (this.#polling === polling && this.#wanted.size) {
                    this.#read = true;
                    this.#tell({ source: 'polling', stale: false });

                    if (this.#down) {
                        this.#down = false;
                        this.#openAgain(0);
                    }
                }

            } catch (error) {
                if (this.#polling === polling) {
                    this.#down = true;
                    this.#unheard(error);
                }
            }

            if (this.#polling === polling) {
                this.#later('poll', Math.max(this.#options.pollInterval,
                    100 * this.#wanted.size), turn);
            }
        };

        turn();
    }

    // Reads what is wanted; whether something of it was further than known.
    async #round(signal) {
        let news = false, failure = null;

        await each([...this.#wanted], async (key) => {
            const mark = this.#store.mark(key);
            const before = this.#store.value(key);

            try {
                const events = await this.#look(key, signal);
                signal?.throwIfAborted();

                // one that came meanwhile knows more
                if (this.#store.mark(key) === mark) {
                    events.forEach((event) => this.#pass(event));
                    news ||= isFurther(this.#store.value(key), before)
                        || this.#isOther(key, events);
                }

            } catch (error) {
                if (error.status === 404) {
                    this.#wanted.delete(key);
                    this.#on.error(error, key);
                    return;
                }

                failure = error;
            }
        });

        if (failure) {
            throw failure;
        }

        this.#sign = Date.now();
        return news;
    }

    // Documents and all of the tenant are no items of the store.  What was read of
    // them is compared with what was read the time before, if no event came since.
    #isOther(key, events) {
        if (kindOf(key) === 'job' || kindOf(key) === 'batch') {
            return false;
        }

        const before = this.#looks.get(key);
        const text = JSON.stringify(events.map(({ data }) => [data.jobId,
            ...TOLD.map((name) => data[name])]));

        this.#looks.set(key, { text, count: this.#count });
        return before?.count === this.#count && before.text !== text;
    }

    async #look(key, signal) {
        const state = (data) => ({ id: '', type: 'state', data });

        switch (kindOf(key)) {
        case 'job':
        case 'batch':
            return [state(await readState(this.#client, key, signal))];

        case 'document': {
            const { jobs } = await this.#client.jobs({ documentId: idOf(key) },
                                                     { signal });
            return jobs.reverse().map(state);
        }

        default:
            return [{ id: '', type: 'counters',
                      data: await this.#client.counters({ signal }) }];
        }
    }

    // Nothing was heard for long.  A stream may be idle, or held up by a proxy,
    // or its other end gone: what is read tells, where the stream does not tell
    // the same at once.
    async #listen() {
        const stream = this.#stream;
        const count = this.#count;

        try {
            const news = await this.#round();

            if (news) {
                await pause(1000);
            }

            if (stream !== this.#stream || !stream) {
                return;
            }

            if (news && count === this.#count) {
                this.#read = true;
                this.#failed();
                return;
            }

            this.#tell({ ...this.#state, stale: false });

        } catch (error) {
            this.#unheard(error);
        }

        this.#heard();
    }

    #unheard(error) {
        if (error.name === 'AbortError') {
            return;
        }

        if (Date.now() - this.#sign >= this.#options.staleAfter
            || error.status >= 400)
        {
            this.#tell({ ...this.#state, stale: true });
        }

        this.#on.error(error);
    }

    #tell(state) {
        if (state.source !== this.#state.source
            || state.stale !== this.#state.stale)
        {
            this.#state = state;
            this.#on.state(state);
        }
    }

    #later(name, ms, run) {
        this.#cancel(name);
        this.#timers[name] = setTimeout(run, ms);
    }

    #cancel(name) {
        clearTimeout(this.#timers[name]);
        delete this.#timers[name];
    }
}


function isNarrow(keys) {
    return !keys.has('all') && keys.size <= NARROW;
}


function isFurther(value, before) {
    return TOLD.some((name) => before && value?.[name] !== before[name]);
}
