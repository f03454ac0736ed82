import { AssessError, newId } from './base.js';


// Tabs of one origin share a line.  Who has the lock leads: it has the line,
// and tells the others.  When its tab is closed the lock goes to another one.

export function sharedName(client, { share, headers, fetch, credentials }) {
    const able = globalThis.BroadcastChannel && globalThis.navigator?.locks
        && globalThis.document;

    // with headers another tab may be another user
    if (!able || share === false || ((headers || fetch) && !share)) {
        return null;
    }

    return `assess ${client.url} ${credentials ?? ''} ${share ?? ''}`;
}


export class Tabs {
    #name;
    #make;
    #on;
    #id = newId();
    #channel = null;
    #line = null;
    #keys = new Set();
    #wants = new Map();         // of the other tabs, where this one leads
    #leave = null;
    #held = false;              // its own lock
    #gone = new AbortController();

    constructor(name, make, on) {
        this.#name = name;
        this.#make = make;
        this.#on = on;

        // a page in the back/forward cache cannot lead
        const { signal } = this.#gone;

        addEventListener('pagehide', () => this.#part(), { signal });
        addEventListener('pageshow', (event) => {
            if (event.persisted && this.#keys.size) {
                this.want(this.#keys);
            }
        }, { signal });
    }

    want(keys) {
        this.#keys = keys;

        if (keys.size && !this.#channel) {
            this.#join();
        }

        if (this.#line) {
            this.#lead();

        } else {
            this.#ask();
        }
    }

    close() {
        this.#part();
        this.#gone.abort();
    }

    #part() {
        this.#post({ want: [], from: this.#id });
        this.#leave?.abort();
        this.#line?.close();
        this.#channel?.close();
        this.#line = this.#channel = this.#leave = null;
        this.#held = false;
        this.#wants.clear();
    }

    // before that it would be taken for one that is gone
    #ask() {
        if (this.#held) {
            this.#post({ want: [...this.#keys], from: this.#id });
        }
    }

    #join() {
        const leave = new AbortController();
        const forever = new Promise((resolve) =>
            leave.signal.addEventListener('abort', resolve));

        this.#leave = leave;
        this.#channel = new BroadcastChannel(this.#name);
        this.#channel.onmessage = ({ data }) => this.#message(data);

        // each has one that tells others, when they get it, that it is gone
        navigator.locks.request(`${this.#name} ${this.#id}`,
            { signal: leave.signal }, () => {
                this.#held = true;
                this.#ask();
                return forever;
            }).catch(() => {});

        navigator.locks.request(this.#name, { signal: leave.signal }, () => {
            this.#line = this.#make({
                event: (event) => this.#tell({ event }),
                state: (state) => this.#tell({ state }),
                error: ({ status, problem }, key) =>
                    this.#tell({ error: { status, problem }, key }),
            });
            this.#post({ lead: true });
            this.#lead();
            return forever;
        }).catch(() => {});
    }

    #lead() {
        this.#line.want(new Set([this.#keys, ...this.#wants.values()]
            .flatMap((keys) => [...keys])));
    }

    #tell(message) {
        this.#post(message);
        this.#hear(message);
    }

    #post(message) {
        this.#channel?.postMessage(message);
    }

    #hear({ event, state, error, key }) {
        if (error) {
            this.#on.error(new AssessError(error.status, error.problem), key);
        }

        if (event) {
            this.#on.event(event);
        }

        if (state) {
            this.#on.state(state);
        }
    }

    #message(message) {
        if (this.#line && message.want) {
            this.#wanted(message.from, message.want);

        } else if (!this.#line && message.lead) {
            this.#ask();

        } else if (!message.to || message.to === this.#id) {
            this.#hear(message);
        }
    }

    #wanted(from, keys) {
        if (!this.#wants.has(from)) {
            navigator.locks.request(`${this.#name} ${from}`,
                { signal: this.#leave.signal }, () => {
                    this.#wants.delete(from);
                    this.#lead();
                }).catch(() => {});
        }

        this.#wants.set(from, new Set(keys));
        this.#lead();

        this.#post({ to: from, state: this.#line.state });
        this.#line.known(keys).forEach((event) =>
            this.#post({ to: from, event }));
    }
}
