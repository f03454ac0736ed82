import { isFinal } from './base.js';


// What is followed goes by keys: "job:ID", "batch:ID", "document:ID", "all".

export function keysOf(target) {
    if (typeof target === 'string' || Array.isArray(target)) {
        target = { jobId: target };
    }

    const keys = ['job', 'batch', 'document'].flatMap((kind) =>
        [target[`${kind}Id`] ?? []].flat().map((id) => `${kind}:${id}`));

    if (target.all) {
        keys.push('all');
    }

    if (keys.length === 0) {
        throw new TypeError('there is nothing to follow');
    }

    return [...new Set(keys)];
}


export function kindOf(key) {
    return key.slice(0, key.indexOf(':'));
}


export function idOf(key) {
    return key.slice(key.indexOf(':') + 1);
}


// of a value, or of the data of an event
export function keyOf(data) {
    return data.jobId ? `job:${data.jobId}` : `batch:${data.batchId}`;
}


// ids of events are decimal and may be long
export function isLater(id, than) {
    return id.length !== than.length ? id.length > than.length : id > than;
}


// Jobs and batches as they are, out of events and of what was read.

export class Store {
    #items = new Map();

    add(key) {
        if (!this.#items.has(key)) {
            this.#items.set(key, { value: null, id: '' });
        }
    }

    keep(keys) {
        for (const key of this.#items.keys()) {
            if (!keys.has(key)) {
                this.#items.delete(key);
            }
        }
    }

    value(key) {
        return this.#items.get(key)?.value ?? null;
    }

    // The value where all of it is known: events of progress have only some.
    whole(key) {
        const value = this.value(key);
        return value?.createdAt ? value : null;
    }

    isOver(key) {
        const value = this.value(key);
        return value !== null && isFinal(value);
    }

    // the same again, for somebody who has not got it
    events(keys) {
        return keys.filter((key) => this.value(key)).map((key) => ({
            id: this.#items.get(key).id, type: 'state', data: this.value(key),
        }));
    }

    forgetIds() {
        for (const item of this.#items.values()) {
            item.id = '';
        }
    }

    // To be taken before something is read: take() then knows whether an event
    // came meanwhile, which what was read may not have known.
    mark(key) {
        return this.#items.get(key)?.id ?? '';
    }

    // Whether it is news.
    take({ id, type, data }, mark) {
        const item = this.#items.get(keyOf(data));
        const early = !id && mark !== undefined && mark !== item?.id;

        if (!item || (id && item.id && !isLater(id, item.id))
            || (early && this.whole(keyOf(data))))
        {
            return false;
        }

        if (id) {
            item.id = id;
        }

        // read before an event that had not all there is: it has the rest
        const value = early ? { ...data, ...item.value }
                            : next(item.value, type, data);
        const news = JSON.stringify(value) !== JSON.stringify(item.value);

        item.value = value;
        return news;
    }
}


function next(before, type, { type: _, ...data }) {
    if (type !== 'queued' && type !== 'progress') {
        return { ...before, ...data };
    }

    // it is told late, after the end was read
    if (type === 'progress' && before && isFinal(before)) {
        return before;
    }

    const { percentage, batchCompleted, timestamp, ...rest } = data;

    return {
        ...before, ...rest, completedBatches: batchCompleted,
        status: type === 'queued' ? 'queued' : 'processing',
        ...type === 'queued' && { error: null, completedAt: null },
    };
}


export function readState(client, key, signal) {
    return kindOf(key) === 'job' ? client.job(idOf(key), { signal })
                                 : client.batch.get(idOf(key), { signal });
}
