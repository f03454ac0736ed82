// The client of ngx_assess: start assessments, follow them, read what came out.
//
//   import { Assess } from '/api/assess.js';
//
//   const assess = new Assess();
//   const job = await assess.start({ file, questionSet: 'fire-safety' });
//   const following = assess.follow(job.jobId, { onJob: show });
//   await following.finished;
//
// One connection serves whatever is followed, in a browser that of all tabs.
// Types are in assess.d.ts.

import { AssessError, newId, parse, pause } from './base.js';
import { Following, Hub } from './follow.js';

export { AssessError, isFinal } from './base.js';


export class Assess {
    #options;
    #hub = null;

    constructor(options = {}) {
        const url = new URL(options.url ?? '.', options.url === undefined
            ? import.meta.url : globalThis.location?.href);

        if (!/^https?:$/.test(url.protocol)) {
            throw new TypeError('Assess needs the "url" of the API');
        }

        this.url = url.href.replace(/[?#].*/, '').replace(/\/$/, '');
        this.#options = {
            pollInterval: 2000, connectTimeout: 4000, quietTimeout: 30000,
            staleAfter: 15000, retryStream: 10000, ...options,
        };
    }

    // A document and questions: { documentId } or { file }, a Blob or File,
    // and { questionSet, ... }.  Repeated by itself where the answer got lost,
    // which starts no second job: it has a key.
    start(input, { signal, wait, idempotencyKey } = {}) {
        const headers = { 'Idempotency-Key': idempotencyKey ?? newId() };

        if (wait) {
            headers.Prefer = `wait=${wait}`;
        }

        return this.#call('POST', '/assessments/start',
                          { body: startBody(input), headers, signal,
                            tries: 4 });
    }

    // Stores documents without assessing them.
    async upload(files, { signal } = {}) {
        const form = new FormData();

        // an array, or what an input has
        for (const file of files[Symbol.iterator] ? files : [files]) {
            form.append('file', file, file.name ?? 'document');
        }

        return (await this.#call('POST', '/documents', { body: form, signal }))
            .documents;
    }

    job(id, options) {
        return this.#get(`/assessments/job/${encodeURIComponent(id)}`, options);
    }

    // { jobs, nextCursor, total } of those that the filter names
    jobs(filter = {}, options) {
        return this.#get(`/assessments/jobs${query(filter)}`, options);
    }

    results(id, options) {
        return this.#get(`/assessments/job/${encodeURIComponent(id)}/results`,
                         options);
    }

    // for a link: json, csv or ndjson
    resultsUrl(id, format = 'csv') {
        return `${this.url}/assessments/job/${encodeURIComponent(id)}/results`
            + query({ format });
    }

    logs(id, paging = {}, options) {
        return this.#get(`/assessments/job/${encodeURIComponent(id)}/logs`
                         + query(paging), options);
    }

    cancel(id, options) {
        return this.#change('DELETE', 'job', id, '', options);
    }

    retry(id, options) {
        return this.#change('POST', 'job', id, '/retry', options);
    }

    counters(options) {
        return this.#get('/assessments/counters', options);
    }

    estimate(input, { signal } = {}) {
        return this.#call('POST', '/assessments/estimate',
                          { body: JSON.stringify(input), signal });
    }

    get batch() {
        const path = (id) => `/assessments/batch/${encodeURIComponent(id)}`;
        const post = (what) => (id, options) =>
            this.#change('POST', 'batch', id, what, options);

        return {
            start: (input, { signal, idempotencyKey } = {}) =>
                this.#call('POST', '/assessments/batch', {
                    body: JSON.stringify(input), signal, tries: 4,
                    headers: { 'Idempotency-Key': idempotencyKey ?? newId() },
                }),
            get: (id, options) => this.#get(path(id), options),
            list: (filter = {}, options) =>
                this.#get(`/assessments/batches${query(filter)}`, options),
            pause: post('/pause'),
            resume: post('/resume'),
            retryFailed: post('/retry-failed'),
            cancel: (id, options) =>
                this.#change('DELETE', 'batch', id, '', options),
            resultsUrl: (id, format = 'csv') =>
                `${this.url}${path(id)}/results${query({ format })}`,
        };
    }

    // A job's id, several of them, or { jobId, batchId, documentId, all }.
    follow(target, options = {}) {
        this.#hub ??= new Hub(this, this.#options);
        return new Following(this.#hub, keysOf(target), options);
    }

    // Ends all that is followed.
    close() {
        this.#hub?.close();
        this.#hub = null;
    }

    #get(path, { signal } = {}) {
        return this.#call('GET', path, { signal, tries: 3 });
    }

    // who follows it hears of the change at once
    async #change(method, kind, id, what, { signal } = {}) {
        const mark = this.#hub?.store.mark(`${kind}:${id}`);
        const value = await this.#call(method,
            `/assessments/${kind}/${encodeURIComponent(id)}${what}`,
            { signal });

        if (value?.status) {
            this.#hub?.changed(value, mark);
        }

        return value;
    }

    async #call(method, path, { body, headers, signal, tries = 1 }) {
        for (let n = 1; ; n++) {
            try {
                return await this.#once(method, path, body, headers, signal);

            } catch (error) {
                if (n >= tries || ![0, 429, 503].includes(error.status)) {
                    throw error;
                }

                await pause(Math.min((error.retryAfter ?? 0.3 * 2 ** n) * 1000,
                                     10000), signal);
            }
        }
    }

    async #once(method, path, body, extra, signal) {
        let response, text;

        const headers = new Headers(await this.headers());

        for (const [name, value] of Object.entries(extra ?? {})) {
            headers.set(name, value);
        }

        headers.set('Accept', 'application/json');

        if (typeof body === 'string') {
            headers.set('Content-Type', 'application/json');
        }

        try {
            response = await this.fetch(this.url + path,
                                        { method, body, headers, signal });
            text = await response.text();

        } catch (error) {
            signal?.throwIfAborted();
            throw new AssessError(0, { title: 'Network error',
                detail: 'the server was not reached' }, { cause: error });
        }

        const value = parse(text);

        if (!response.ok) {
            const after = Number(response.headers.get('Retry-After') || NaN);
            throw new AssessError(response.status,
                value ?? { title: response.statusText },
                { retryAfter: Number.isFinite(after) ? after : null });
        }

        if (value === undefined && response.status !== 204) {
            throw new AssessError(response.status,
                { title: 'Bad answer', detail: 'the answer is no JSON' });
        }

        return value ?? null;
    }

    // a function of the application may make them anew for each request
    async headers() {
        const { headers } = this.#options;
        return (typeof headers === 'function' ? await headers()
                                              : headers) ?? {};
    }

    fetch(url, init) {
        const { fetch = globalThis.fetch, credentials } = this.#options;
        return fetch(url, { ...credentials && { credentials },
                            cache: 'no-store', ...init });
    }
}


function startBody({ file, filename, ...fields }) {
    if (!file) {
        return JSON.stringify(fields);
    }

    const form = new FormData();

    for (const [name, value] of Object.entries(fields)) {
        if (value !== undefined && value !== null) {
            form.append(name, typeof value === 'object'
                ? JSON.stringify(value) : String(value));
        }
    }

    form.append('file', file, filename ?? file.name ?? 'document');
    return form;
}


function query(values) {
    const params = new URLSearchParams();

    for (const [name, value] of Object.entries(values)) {
        if (value !== undefined && value !== null) {
            params.append(name, String(value));
        }
    }

    return `${params}` && `?${params}`;
}
