// Parts of assess.js by themselves: what the order of events means, and how
// they are read from a stream.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { until } from './help.mjs';
import { Line } from '../../ngx_assess_module/web/client/line.js';
import { Store, keysOf } from '../../ngx_assess_module/web/client/store.js';
import { readEvents } from '../../ngx_assess_module/web/client/stream.js';

const JOB = { jobId: 'j', batchId: null, attempt: 1 };
const queued = (id) => ({ id, type: 'queued', data: { type: 'queued', ...JOB,
    stage: null, progress: 0, batchCompleted: 0 } });
const progress = (id, percent) => ({ id, type: 'progress', data: {
    type: 'progress', ...JOB, stage: 'llm_processing', progress: percent,
    percentage: percent, batchCompleted: percent, timestamp: 'x' } });
const complete = (id) => ({ id, type: 'complete', data: { type: 'complete',
    ...JOB, status: 'completed', stage: null, progress: 100, createdAt: 'x',
    completedAt: 'x' } });
const read = (status, more) => ({ id: '', type: 'state', data: { ...JOB,
    status, progress: 0, createdAt: 'x', ...more } });


function store(...events) {
    const one = new Store();

    one.add('job:j');
    events.forEach((event) => one.take(event));
    return one;
}


test('the id says which event is later', () => {
    const one = store(progress('99', 40));

    assert.equal(one.take(progress('98', 30)), false);
    assert.equal(one.take(progress('99', 40)), false);
    assert.equal(one.take(progress('100', 50)), true);
    assert.equal(one.value('job:j').progress, 50);
    assert.equal(one.value('job:j').status, 'processing');
    assert.equal(one.value('job:j').completedBatches, 50);
    assert.equal('timestamp' in one.value('job:j'), false);
});


test('an end is an end until it is queued again', () => {
    const one = store(read('completed'));

    assert.equal(one.isOver('job:j'), true);
    assert.equal(one.take(progress('5', 40)), false);
    assert.equal(one.isOver('job:j'), true);
    assert.equal(one.take(queued('6')), true);
    assert.equal(one.isOver('job:j'), false);
    assert.equal(one.take(complete('7')), true);
    assert.equal(one.isOver('job:j'), true);
});


test('what was read does not count when an event came meanwhile', () => {
    const one = store(progress('5', 40));
    const mark = one.mark('job:j');

    one.take(complete('6'));
    assert.equal(one.take(read('processing'), mark), false);
    assert.equal(one.isOver('job:j'), true);
    assert.equal(one.take(read('queued'), one.mark('job:j')), true);
});


test('what was read has the rest of what an event did not say', () => {
    const one = store();
    const mark = one.mark('job:j');

    one.take(progress('5', 40));
    assert.equal(one.whole('job:j'), null, 'it is no job yet');
    assert.equal(one.take(read('queued', { cost: 1 }), mark), true);

    const { status, progress: percent, cost, createdAt } = one.whole('job:j');
    assert.deepEqual({ status, percent, cost, createdAt },
        { status: 'processing', percent: 40, cost: 1, createdAt: 'x' });
    assert.equal(one.take(progress('5', 30)), false);
});


test('after a reset ids begin anew', () => {
    const one = store(progress('500', 40));

    one.forgetIds();
    assert.equal(one.take(progress('3', 50)), true);
});


test('what nobody follows is not kept', () => {
    const one = store(progress('5', 40));

    one.keep(new Set(['job:other']));
    assert.equal(one.take(progress('6', 50)), false);
    assert.equal(one.value('job:j'), null);
});


test('a batch is over when it says when', () => {
    const one = new Store();
    const batch = (id, status, completedAt) => ({ id, type: 'batch',
        data: { type: 'batch', batchId: 'b', status, completedAt } });

    one.add('batch:b');
    one.take(batch('1', 'cancelled', null));
    assert.equal(one.isOver('batch:b'), false);
    one.take(batch('2', 'cancelled', 'x'));
    assert.equal(one.isOver('batch:b'), true);
});


test('targets', () => {
    assert.deepEqual(keysOf('a'), ['job:a']);
    assert.deepEqual(keysOf(['a', 'b', 'a']), ['job:a', 'job:b']);
    assert.deepEqual(keysOf({ batchId: 'b', documentId: ['d'], all: true }),
                     ['batch:b', 'document:d', 'all']);
    assert.throws(() => keysOf({}), TypeError);
    assert.throws(() => keysOf([]), TypeError);
});


// An EventSource that says what the test says.
class Source {
    static all = [];
    readyState = 1;
    #listeners = {};

    constructor(url) {
        this.url = url;
        Source.all.push(this);
    }

    addEventListener(type, listener) {
        this.#listeners[type] = listener;
    }

    close() {
        this.readyState = 2;
    }

    tell({ id = '', type, data = {} }) {
        this.#listeners[type]({ data: JSON.stringify(data), lastEventId: id });
    }
}


test('all are followed: it begins with that, whatever the old stream says', async () => {
    const told = [];
    const line = new Line({ url: 'http://a/api',
        counters: async () => ({ queued: 1 }),
        job: async () => read('processing').data }, {
        EventSource: Source, connectTimeout: 60000, quietTimeout: 60000 }, {
        event: ({ type }) => told.push(type), state: () => {},
        error: assert.fail });

    try {
        line.want(new Set(['job:j']));
        await until('a stream', () => Source.all.length === 1);

        const [narrow] = Source.all;

        assert.match(narrow.url, /\?jobId=j$/);
        narrow.tell({ type: 'connected' });
        narrow.tell(progress('5', 40));

        line.want(new Set(['job:j', 'all']));
        await until('another', () => Source.all.length === 2);

        const whole = Source.all[1];

        assert.match(whole.url, /\/progress$/);
        narrow.tell(progress('6', 50));
        narrow.tell({ type: 'connected' });
        assert.deepEqual(told, ['progress', 'progress']);
        assert.equal(narrow.readyState, 1, 'it goes on until the other began');

        whole.tell({ type: 'connected' });
        assert.equal(narrow.readyState, 2);
        assert.equal(told[2], 'reset');
        await until('what there is was read', () => told.includes('counters'));

    } finally {
        line.close();
    }
});


async function parsed(...chunks) {
    const seen = [], bytes = new TextEncoder();
    const body = new ReadableStream({ start(controller) {
        chunks.forEach((text) => controller.enqueue(
            typeof text === 'string' ? bytes.encode(text) : text));
        controller.close();
    } });

    await readEvents(body, new AbortController().signal, {
        sign: () => {},
        retry: (ms) => seen.push(`retry ${ms}`),
        event: (id, type, data) => seen.push([id, type, data].join('|')),
    });
    return seen;
}


test('a stream is read, however it is cut', async () => {
    const text = 'retry: 20\n\n:\n\nid: 7\nevent: progress\ndata: {"a":"ö"}\n\n'
        + 'event: connected\ndata: {}\n\nid: 8\nevent:batch\ndata:1\ndata: 2\n\n'
        + 'id: 9\nevent: complete\ndata: cut';
    const bytes = new TextEncoder().encode(text);
    const want = ['retry 20', '7|progress|{"a":"ö"}', '|connected|{}',
                  '8|batch|1\n2'];

    assert.deepEqual(await parsed(text), want);
    assert.deepEqual(await parsed(text.replaceAll('\n', '\r\n')), want);
    assert.deepEqual(await parsed(...Array.from(bytes,
        (byte) => Uint8Array.of(byte))), want);
});


test('what is no field does no harm', async () => {
    assert.deepEqual(await parsed('nonsense\nretry: x\n: a: b\nid\n\ndata\n\n'),
                     ['|message|']);
});
