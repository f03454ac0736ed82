// assess.js against a real server: see t/assess_js.t, which starts it.

import assert from 'node:assert/strict';
import { File } from 'node:buffer';
import { test } from 'node:test';

import { API, MiniEventSource, Proxy, fast, provider, served, slow, until }
    from './help.mjs';

const { Assess, AssessError, isFinal } = await served();

const FAST = { url: API, pollInterval: 100, connectTimeout: 1500,
               quietTimeout: 1500, retryStream: 500, staleAfter: 300 };
let made = 0;


function file() {
    return new File([`The fire doors of stair ${++made} are tested every month,`
        + ` ${process.pid}. An extinguisher hangs next to exit ${made}.\n`],
        `plan-${made}.txt`, { type: 'text/plain' });
}


async function start(assess, questionSet = 'ten') {
    await (questionSet === 'ten' ? fast() : slow());
    return (await assess.start({ file: file(), questionSet })).jobId;
}


// what a following was told
function record(assess, target, options = {}) {
    const seen = { jobs: [], batches: [], events: [], states: [], errors: [],
                   counters: [] };
    const following = assess.follow(target, {
        onJob: (job) => seen.jobs.push(job),
        onBatch: (batch) => seen.batches.push(batch),
        onEvent: (event) => seen.events.push(event),
        onState: (state) => seen.states.push(state),
        onError: (error) => seen.errors.push(error),
        onCounters: (counters) => seen.counters.push(counters),
        ...options,
    });

    return Object.assign(seen, { following });
}


// which do what they should, whatever becomes of them
async function using(options, run) {
    const assess = new Assess({ ...FAST, ...options });

    try {
        return await run(assess);
    } finally {
        assess.close();
    }
}


async function proxied(run, options = {}) {
    const proxy = await Proxy.start();

    try {
        await using({ url: proxy.url, ...options }, (a) => run(a, proxy));
    } finally {
        proxy.stop();
    }
}


function ids(seen) {
    return seen.events.filter((e) => e.id).map((e) => e.id);
}


test('a document is uploaded, assessed, and its answers are read', () =>
    using({}, async (assess) => {
        const [document] = await assess.upload(file());

        // what an input has is no array
        const list = { 0: file(), 1: file(), length: 2,
                       [Symbol.iterator]: Array.prototype.values };
        assert.equal((await assess.upload(list)).length, 2);

        const started = await assess.start({ questionSet: 'ten',
            documentId: document.documentId, metadata: { from: 'test' } });
        const [job] = await assess.follow(started.jobId).finished;

        assert.equal(job.status, 'completed');
        assert.deepEqual(job.metadata, { from: 'test' });
        assert.equal(isFinal(job), true);

        const results = await assess.results(job.jobId);
        assert.equal(results.answers.length, 10);
        assert.equal(results.complete, true);

        const csv = await (await fetch(assess.resultsUrl(job.jobId))).text();
        assert.match(csv, /^questionId,verdict,/);

        const { jobs } = await assess.jobs({ documentId: document.documentId });
        assert.deepEqual(jobs.map((j) => j.jobId), [job.jobId]);
        assert.ok((await assess.counters()).reviewed >= 1);

        const estimate = await assess.estimate({ questionSet: 'ten',
            documentId: document.documentId, provider: 'local' });
        assert.equal(estimate.documents, 1);
    }));


test('what the server refuses is an AssessError', () =>
    using({}, async (assess) => {
        const none = '00000000-0000-7000-8000-000000000000';

        await assert.rejects(assess.job(none), (e) =>
            e instanceof AssessError && e.status === 404
            && e.title === 'Not Found' && e.detail.includes('job'));

        await assert.rejects(
            assess.start({ documentId: none, questionSet: 'ten' }),
            (e) => e.status === 404 && e.pointers[0] === '/documentId');

        await assert.rejects(
            assess.start({ documentId: none, questionSet: 'ten', priority: 'x' }),
            (e) => e.status === 400 && e.pointers[0] === '/priority');
    }));


test('a server that is not reached is an AssessError, too', () =>
    using({ url: 'http://127.0.0.1:1/api' }, (assess) =>
        assert.rejects(assess.cancel('x'), (e) =>
            e instanceof AssessError && e.status === 0
                && e.cause instanceof Error)));


test('a start whose answer is lost is one start', async () => {
    let lost = 0;

    await using({ fetch: async (url, init) => {
        const response = await fetch(url, init);

        if (url.endsWith('/start') && lost++ === 0) {
            throw new TypeError('the connection broke');
        }
        return response;
    } }, async (assess) => {
        const [{ documentId }] = await assess.upload(file());

        await assess.start({ documentId, questionSet: 'ten' });
        assert.equal(lost, 2);
        assert.equal((await assess.jobs({ documentId })).total, 1);
    });
});


test('what is aborted ends', () => using({}, async (assess) => {
    const abort = new AbortController();
    const id = await start(assess, 'hundred');
    const { following } = record(assess, id, { signal: abort.signal });

    abort.abort();
    await assert.rejects(following.finished, { name: 'AbortError' });
    await assert.rejects(assess.job(id, { signal: abort.signal }),
                         { name: 'AbortError' });
    await assess.cancel(id);
}));


test('a job is followed from where it is to its end', () =>
    using({}, async (assess) => {
        const seen = record(assess, await start(assess));
        const [job] = await seen.following.finished;
        const progress = seen.jobs.map((j) => j.progress);

        assert.equal(job.status, 'completed');
        assert.equal(seen.jobs.at(-1), job);
        assert.deepEqual(progress, [...progress].sort((a, b) => a - b));
        assert.ok(seen.states.some((s) => s.source === 'stream'));

        // and one that has ended is told at once
        const late = record(assess, job.jobId);
        await late.following.finished;
        assert.equal(late.jobs.length, 1);
    }));


test('a call that throws is reported, and keeps nobody from being told', (t) =>
    using({}, async (assess) => {
        const reported = t.mock.method(console, 'error', () => {});
        const id = await start(assess);
        const wrong = record(assess, id, {
            onJob: () => { throw new Error('of the application'); } });
        const right = record(assess, id);

        await Promise.all([wrong, right].map((s) => s.following.finished));
        assert.equal(right.jobs.at(-1).status, 'completed');
        assert.ok(wrong.events.length > 0);
        assert.ok(reported.mock.calls.length > 0);
        assert.ok(reported.mock.calls.every(({ arguments: [error] }) =>
            error.message === 'of the application'));
        assert.equal(right.states.some((s) => s.source === 'polling'), false);
    }));


test('who has closed is told nothing more', () => using({}, async (assess) => {
    const id = await start(assess, 'hundred');
    const calls = [];
    const all = record(assess, { all: true });
    const following = assess.follow(id, Object.fromEntries(
        ['onJob', 'onEvent', 'onState', 'onError'].map((name) => [name, () => {
            calls.push(name);
            following.close();
        }])));

    await assert.rejects(following.finished, { title: 'Closed' });
    await until('others go on', () =>
        all.events.filter((e) => e.data.jobId === id).length > 3);
    assert.equal(calls.length, 1);
    await assess.cancel(id);
}));


test('a job is told as a whole, whatever came first', () => {
    const held = [];

    return using({ fetch: async (url, init) => {
        const response = await fetch(url, init);

        if (init.method === 'GET' && /\/job\/[^/]*$/.test(url)) {
            await new Promise((resolve) => held.push(resolve));
        }
        return response;
    } }, async (assess) => {
        const all = record(assess, { all: true });

        await until('it is a stream', () =>
            all.states.at(-1)?.source === 'stream');

        const id = await start(assess, 'hundred');
        const seen = record(assess, id);

        await until('events came before what was read', () =>
            held.length > 0
            && seen.events.some((e) => e.type === 'progress'
                && e.data.progress > 0));
        assert.deepEqual(seen.jobs, []);
        held.forEach((go) => go());
        await until('it is told', () => seen.jobs.length > 0);
        assert.equal(seen.jobs[0].jobId, id);
        assert.ok(seen.jobs[0].progress > 0, 'what the event said');
        assert.ok(seen.jobs.every((job) => job.createdAt && job.tokens));
        await assess.cancel(id);
    });
});


test('what does not exist cannot be followed', () => using({}, (assess) =>
    assert.rejects(assess.follow('00000000-0000-7000-8000-000000000000')
        .finished, { status: 404 })));


test('cancelled and run again, it is followed all along', () =>
    using({}, async (assess) => {
        const id = await start(assess, 'hundred');
        const seen = record(assess, id);

        await until('it runs', () => seen.jobs.at(-1)?.status === 'processing');
        await assess.cancel(id);
        await until('it is cancelled', () =>
            seen.jobs.at(-1).status === 'cancelled');

        await assess.retry(id);
        await until('it runs again', () =>
            ['queued', 'processing'].includes(seen.jobs.at(-1).status));
        await assess.cancel(id);
        await until('it is cancelled again', () =>
            seen.jobs.at(-1).status === 'cancelled');
    }));


for (const [name, options] of [['fetch', {}],
                               ['EventSource', { EventSource: MiniEventSource }]])
{
    test(`many jobs, one connection (${name})`, () =>
        proxied(async (assess, proxy) => {
            const all = await Promise.all(
                Array.from({ length: 12 }, () => start(assess)));
            const seen = all.map((id) => record(assess, id));

            await Promise.all(seen.map((s) => s.following.finished));
            assert.ok(seen.every((s) => s.jobs.at(-1).status === 'completed'));
            assert.ok(seen.every((s) => new Set(ids(s)).size === ids(s).length),
                      'no event twice');
            assert.ok(proxy.streams <= 2, `${proxy.streams} streams`);
        }, options));


    test(`a job that fails is followed to that, and run again (${name})`, () =>
        using(options, async (assess) => {
            const id = await start(assess, 'hundred');
            const seen = record(assess, id);

            await until('it is a stream', () =>
                seen.following.state.source === 'stream'
                && seen.jobs.at(-1)?.progress > 0);
            await provider({ mode: 'out_of_money', delayMs: 10 });

            const [job] = await seen.following.finished;
            await provider({ mode: 'ok' });

            assert.equal(job.status, 'failed');
            assert.equal(job.error.code, 'provider_out_of_money');
            assert.ok(seen.events.some((e) => e.type === 'error'));
            assert.equal(seen.states.some((s) => s.source === 'polling'), false);

            await assess.retry(id);
            await until('it is completed', () =>
                seen.jobs.at(-1).status === 'completed');
            assert.equal(seen.jobs.at(-1).error, null);
        }));


    test(`a reload in the middle leaves no gap (${name})`, () =>
        using(options, async (assess) => {
            const id = await start(assess, 'hundred');
            const seen = record(assess, id);

            await until('it goes on', () => seen.jobs.at(-1)?.progress > 10);
            process.kill(Number(process.env.ASSESS_PID), 'SIGHUP');

            const before = seen.events.length;
            await until('it goes on after it', () =>
                seen.events.length > before + 2);
            await fast();
            await seen.following.finished;

            // all that the log has after the first one
            const told = ids(seen);
            const log = await (await fetch(`${API}/assessments/progress`
                + `?jobId=${id}&lastEventId=${told[0]}`)).text();

            assert.deepEqual(told.slice(1),
                [...log.matchAll(/^id: (\d+)$/gm)].map((m) => m[1]));
            assert.equal(seen.states.some((s) => s.source === 'polling'), false);
        }));


    for (const mode of ['held', 'refused']) {
        test(`a stream that is ${mode} is polled for (${name})`, () =>
            proxied(async (assess, proxy) => {
                proxy.mode = mode;

                const seen = record(assess, await start(assess, 'hundred'));
                await until('it is polled', () =>
                    seen.states.at(-1)?.source === 'polling'
                    && seen.jobs.at(-1)?.progress > 0);

                proxy.mode = 'open';
                await until('it is a stream again', () =>
                    seen.states.at(-1).source === 'stream');
                await fast();

                const [job] = await seen.following.finished;
                assert.equal(job.status, 'completed');
                assert.equal(seen.states.some((s) => s.stale), false);
            }, options));
    }


    test(`an end is told while streams are held (${name})`, () =>
        proxied(async (assess, proxy) => {
            proxy.mode = 'held';

            const [job] = await assess.follow(await start(assess)).finished;
            assert.equal(job.status, 'completed');
        }, options));


    test(`a stream that goes silent is found out (${name})`, () =>
        proxied(async (assess, proxy) => {
            const seen = record(assess, await start(assess, 'hundred'));

            await until('it is a stream', () =>
                seen.states.at(-1)?.source === 'stream'
                && seen.jobs.at(-1)?.progress > 0);
            proxy.mode = 'deaf';
            await until('it is polled', () =>
                seen.states.at(-1).source === 'polling');
            await fast();

            const [job] = await seen.following.finished;
            assert.equal(job.status, 'completed');
        }, options));


    for (const what of ['documents', 'all']) {
        test(`of ${what}, too (${name})`, () =>
            proxied(async (assess, proxy) => {
                await slow();

                const [{ documentId }] = await assess.upload(file());
                const { jobId } = await assess.start({ documentId,
                    questionSet: 'hundred' });
                const seen = record(assess, what === 'all' ? { all: true }
                                                           : { documentId });

                await until('it is a stream', () =>
                    seen.states.at(-1)?.source === 'stream'
                    && seen.events.some((e) => e.type === 'progress'));
                proxy.mode = 'deaf';

                // there is always something that it should have told
                const others = [];

                await until('it is polled', async () => {
                    if (what === 'all') {
                        others.push(await start(assess, 'hundred'));
                    }
                    return seen.states.at(-1).source === 'polling';
                });

                await Promise.all([jobId, ...others].map((id) =>
                    assess.cancel(id)));
                await until('what is read is told', () => what === 'all'
                    ? seen.counters.at(-1).queued === 0
                    : seen.events.at(-1)?.data.status === 'cancelled');
            }, options));
    }


    test(`a server that is away makes it stale, and is back (${name})`, () =>
        proxied(async (assess, proxy) => {
            const seen = record(assess, await start(assess, 'hundred'));

            await until('it goes on', () => seen.jobs.at(-1)?.progress > 0);
            proxy.away();
            await until('it is stale', () => seen.states.at(-1)?.stale);
            assert.ok(seen.errors.length > 0);

            proxy.mode = 'open';
            await until('it is not any more', () => !seen.states.at(-1).stale);
            await fast();

            const [job] = await seen.following.finished;
            assert.equal(job.status, 'completed');
        }, options));
}


test('more jobs than a query names, and all of the tenant', () =>
    proxied(async (assess, proxy) => {
        const seen = record(assess, { all: true });

        await until('counters are told', () => seen.counters.length > 0);
        await fast();

        const documents = await assess.upload(
            Array.from({ length: 120 }, file));
        const { batchId } = await assess.batch.start({ questionSet: 'one',
            documentIds: documents.map((d) => d.documentId) });
        const all = (await assess.jobs({ batchId, limit: 200 })).jobs
            .map((job) => job.jobId);
        const jobs = record(assess, all);
        const values = await jobs.following.finished;

        assert.equal(values.length, 120);
        assert.deepEqual(values.map((j) => j.jobId), all);

        // who was read as ended may be told of it after that
        await until('all are told', () => all.every((id) =>
            seen.events.some((e) => e.type === 'complete'
                && e.data.jobId === id)));
        assert.equal(proxy.streams, 1);
        assert.equal(new Set(ids(seen)).size, ids(seen).length, 'none twice');
    }));


test('headers are sent, of calls and of streams', () =>
    using({ headers: async () => ({ 'X-Tenant': 'other' }) },
          async (assess) => {
        await assert.rejects(start(assess), { status: 404 });

        // another tenant's job is as unknown as one that does not exist
        const id = await start(new Assess(FAST));
        await assert.rejects(assess.follow(id).finished, { status: 404 });
    }));


test('a batch is started, paused, resumed, and followed', () =>
    using({}, async (assess) => {
        const documents = await assess.upload([file(), file(), file()]);

        await slow();

        const { batchId } = await assess.batch.start({ questionSet: 'ten',
            documentIds: documents.map((d) => d.documentId) });
        const seen = record(assess, { batchId });

        assert.equal((await assess.batch.pause(batchId)).status, 'paused');
        await until('it is paused', () =>
            seen.batches.at(-1)?.status === 'paused');
        await assess.batch.resume(batchId);
        await fast();

        const [batch] = await seen.following.finished;
        assert.equal(batch.status, 'completed');
        assert.equal(batch.completedDocuments, 3);
        assert.equal(seen.events.filter((e) => e.type === 'complete').length, 3);

        const { total } = await assess.jobs({ batchId });
        assert.equal(total, 3);

        const csv = await (await fetch(assess.batch.resultsUrl(batchId))).text();
        assert.ok(csv.split('\n').length > 30);
        assert.ok((await assess.batch.list()).batches
            .some((b) => b.batchId === batchId));
        assert.equal((await assess.batch.cancel(batchId)).status, 'completed');
    }));
