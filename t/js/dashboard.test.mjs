// What an operator does with the page, in a real browser: see t/dashboard.t,
// which starts the server.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, before, test } from 'node:test';

import { API, Proxy, until } from './help.mjs';

const [driver, axe] = process.env.ASSESS_MODULES.split(':');
const { chromium } = await import(`${driver}/playwright-core/index.mjs`);
const rules = await readFile(`${axe}/axe-core/axe.min.js`, 'utf8');

const ARGS = ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic',
              '--no-first-run', '--disable-background-networking',
              '--disable-component-update', '--disable-sync'];

const ROWS = 10000;
const PHONE = { viewport: { width: 390, height: 844 }, isMobile: true,
                hasTouch: true };

let browser, proxy, made = 0;
const pages = [];


before(async () => {
    browser = await chromium.launch({ args: ARGS,
        executablePath: process.env.ASSESS_CHROMIUM });
    proxy = await Proxy.start();
});


after(async () => {
    await browser?.close();
    proxy?.stop();
});


async function open(path = '', { base = API, ...options } = {}) {
    const context = await browser.newContext(
        { viewport: { width: 1360, height: 860 }, ...options });
    const page = await context.newPage();

    page.errors = [];
    page.proxied = base !== API;
    page.outside = [];
    page.on('pageerror', (error) => page.errors.push(`${error.stack}`));
    page.on('console', (message) => {
        if (['error', 'warning'].includes(message.type())) {
            page.errors.push(message.text());
        }
    });
    page.on('request', (request) => {
        if (!request.url().startsWith(new URL('/', base).href)
            && !request.url().startsWith('blob:'))
        {
            page.outside.push(request.url());
        }
    });
    pages.push(page);

    await page.goto(new URL(`/dashboard${path}`, base).href);
    return page;
}


function files(n) {
    return Array.from({ length: n }, () => ({ name: `plan-${++made}.txt`,
        text: Array.from({ length: 30 }, (_, i) =>
            `The fire doors of stair ${i} in house ${made} are tested every `
            + `month, ${process.pid}.`).join('\n\n') }));
}


// As a hand would: dragged over it first.
async function drop(page, dropped, set = 'ten') {
    await page.evaluate((list) => {
        const dataTransfer = new DataTransfer();

        for (const { name, text } of list) {
            dataTransfer.items.add(new File([text], name,
                { type: 'text/plain' }));
        }
        for (const type of ['dragover', 'drop']) {
            document.body.dispatchEvent(new DragEvent(type, { dataTransfer,
                bubbles: true, cancelable: true }));
        }
    }, dropped);

    await page.locator('dialog[open] option').first()
        .waitFor({ state: 'attached' });
    await page.selectOption('dialog select', set);
    await page.click('dialog button[type=submit]');
}


const row = (page, name) => page.locator('.rows .row', { hasText: name });
const status = (page, name) => row(page, name).locator('.c-status');
const percent = async (page, name) => Number(await row(page, name)
    .locator('[role=progressbar]').getAttribute('aria-valuenow'));


async function becomes(page, name, word, ms = 60000) {
    await until(`${name} is ${word}`, async () =>
        (await status(page, name).textContent({ timeout: 5000 })
            .catch(() => '')) === word, ms);
}


async function live(page, word = 'Live') {
    await until(`the page is ${word}`, async () =>
        await page.textContent('#link-text') === word);
}


// What axe-core has to say against it.
async function judged(page) {
    await page.evaluate(rules);

    const { violations } = await page.evaluate(() => axe.run(document));
    return violations.map(({ id, nodes }) =>
        `${id}: ${nodes.map((node) => node.html.slice(0, 120)).join(' ')}`);
}


test('three files are dropped and their bars move', async () => {
    const page = await open();
    const dropped = files(3);

    await live(page);
    await page.evaluate(() => {
        globalThis.moves = {};
        new MutationObserver((all) => all.forEach(({ target }) => {
            const name = target.closest('.row').querySelector('a').textContent;
            (moves[name] ??= []).push(Number(target.ariaValueNow));
        })).observe(document.querySelector('.rows'),
            { subtree: true, attributeFilter: ['aria-valuenow'] });
    });
    await drop(page, dropped);

    for (const { name } of dropped) {
        await becomes(page, name, 'Completed');
    }

    const moves = await page.evaluate(() => moves);

    for (const { name } of dropped) {
        const list = moves[name];

        assert.ok(list.length > 2, `${name} was at ${list}`);
        assert.equal(list.at(-1), 100);
        assert.deepEqual(list, list.toSorted((a, b) => a - b),
                         `${name} never goes back`);
    }

    await until('the counters say so', async () => await page.textContent(
        '[data-counter=reviewed]') === '3');
    await until('the tray goes away by itself', async () =>
        await page.locator('#tray').isHidden());
    await page.context().close();
});


test('one is cancelled, and run again', async () => {
    const page = await open();
    const [{ name, ...file }] = files(1);

    await live(page);
    await drop(page, [{ name, ...file }], 'thirty');
    await until('it has begun', async () =>
        await percent(page, name).catch(() => 0) > 20);

    await row(page, name).getByRole('button', { name: /^Cancel/ }).click();
    await becomes(page, name, 'Cancelled');
    const before = await percent(page, name);
    assert.ok(before < 100, `it was at ${before}`);

    await page.locator('.segments a', { hasText: 'Cancelled' }).click();
    await row(page, name).waitFor();
    await row(page, name).getByRole('button', { name: /^Run again/ }).click();
    await page.locator('.segments a', { hasText: 'All' }).click();
    await becomes(page, name, 'Completed');
    await page.context().close();
});


test('an answer is opened, and its quote followed', async () => {
    const page = await open();

    await page.locator('.rows a').first().click();
    await page.locator('.answers > li').nth(9).waitFor();
    assert.equal(await page.evaluate(() => document.activeElement.tagName),
                 'H1', 'the focus is on the heading of the view');
    assert.match(await page.textContent('h1'), /^plan-\d+\.txt$/);

    // each filter shows as many as it says
    for (const button of await page.locator('.column .segments button').all()) {
        await button.click();
        const [n] = (await button.textContent()).match(/\d+$/);
        assert.equal(await page.locator('.answers > li:visible').count(),
                     Number(n), await button.textContent());
    }
    await page.locator('.column .segments button').first().click();

    await page.locator('summary').first().click();
    const quote = page.locator('.quote').first();
    const words = (text) => text.replace(/[\s“”"]/g, '');

    await quote.click();
    await page.locator('mark').waitFor();
    assert.equal(words(await page.textContent('mark')),
                 words(await quote.locator('q').textContent()),
                 'what is marked is the quote');
    assert.match(await quote.textContent(), /verified/);
    assert.equal(await page.evaluate(() => document.activeElement.textContent),
                 'Page 1', 'the focus went along');
    assert.ok(await page.locator('mark').evaluate((mark) => {
        const [a, b] = [mark, mark.parentNode]
            .map((each) => each.getBoundingClientRect());
        return a.top >= b.top && a.bottom <= b.bottom;
    }), 'it can be seen');

    await page.keyboard.press('Escape');
    assert.ok(await quote.evaluate((each) => each === document.activeElement),
              'and came back');
    await page.context().close();
});


test('the answers are exported', async () => {
    const page = await open();

    await page.locator('.rows a').first().click();
    const [id] = page.url().match(/[0-9a-f-]{36}/);

    for (const format of ['csv', 'ndjson']) {
        const coming = page.waitForEvent('download');
        await page.getByRole('link', { name: format.toUpperCase(),
                                       exact: true }).click();
        const file = await coming;
        const text = await readFile(await file.path(), 'utf8');
        const same = await fetch(
            `${API}/assessments/job/${id}/results?format=${format}`);

        assert.equal(file.suggestedFilename(), `answers-${id}.${format}`);
        assert.equal(text, await same.text());
        assert.ok(text.split('\n').length > 10);
    }
    await page.context().close();
});


test('the log grows as it is written', async () => {
    const page = await open();
    const [file] = files(1);

    await live(page);
    await drop(page, [file], 'thirty');
    await row(page, file.name).locator('a').click();
    await page.getByRole('link', { name: 'Log' }).click();

    const lines = page.locator('.log li');
    await until('it has begun', async () => await lines.count() > 1);
    const n = await lines.count();
    await until('the last line', async () => /^completed/.test(
        await lines.last().locator('span').last().textContent()), 60000);
    assert.ok(await lines.count() > n);

    const times = await lines.locator('time').evaluateAll((all) =>
        all.map((each) => each.dateTime));
    assert.deepEqual(times, times.toSorted(), 'each line once, in order');
    await page.context().close();
});


test('the server is reloaded meanwhile', async () => {
    const page = await open();
    const [file] = files(1);

    await live(page);
    await drop(page, [file], 'thirty');
    await until('it has begun', async () =>
        await percent(page, file.name).catch(() => 0) > 10);
    process.kill(Number(process.env.ASSESS_PID), 'SIGHUP');
    await becomes(page, file.name, 'Completed');
    await live(page);
    assert.ok(await page.locator('#stale').isHidden());
    await page.context().close();
});


test('without a stream it looks again and again', async () => {
    proxy.mode = 'refused';
    const page = await open('', { base: proxy.url });
    const [file] = files(1);

    await live(page, 'Polling');
    await drop(page, [file]);
    await becomes(page, file.name, 'Completed');

    proxy.mode = 'open';
    await live(page);
    await page.context().close();
});


test('it says when what it shows is old', async () => {
    const page = await open('', { base: proxy.url });

    await live(page);
    proxy.away();
    await until('it is said', async () =>
        await page.locator('#stale').isVisible());
    assert.match(await page.textContent('#stale-text'),
                 /^What is shown is of \d\d:\d\d:\d\d: .* tried again/);
    assert.match(await page.textContent('#link-text'), /Not connected/);
    assert.ok(await row(page, 'plan-1.txt').isVisible(), 'it is still shown');
    assert.deepEqual(await judged(page), []);

    // there is nothing to be had yet; then it comes back by itself
    await page.click('#stale-again');
    proxy.mode = 'open';
    await live(page);
    assert.ok(await page.locator('#stale').isHidden());
    await page.context().close();
});


test('with the keyboard alone', async () => {
    const page = await open();
    const focused = () => page.evaluate(() =>
        document.activeElement.textContent.trim());

    await row(page, 'plan-1.txt').waitFor();
    await page.keyboard.press('Tab');
    assert.equal(await focused(), 'Skip to the content');
    await page.keyboard.press('Enter');
    await page.keyboard.press('Tab');
    assert.equal(await focused(), 'All');

    await page.locator('.rows a').first().focus();
    const first = await focused();
    await page.keyboard.press('ArrowDown');
    assert.notEqual(await focused(), first);
    await page.keyboard.press('End');
    const last = await focused();
    assert.equal(await page.evaluate(() =>
        document.activeElement.closest('.row').ariaRowIndex),
                 await page.locator('.table').getAttribute('aria-rowcount'));
    await page.keyboard.press('Enter');
    await until('the view of it', async () =>
        await page.textContent('h1') === last
        && await page.evaluate(() => document.activeElement.tagName) === 'H1');

    await page.click('#start');
    await page.locator('dialog[open]').waitFor();
    await page.keyboard.press('Escape');
    assert.equal(await page.evaluate(() => document.activeElement.id), 'start');
    await page.context().close();
});


test('what is drawn anew keeps the focus', async () => {
    const page = await open('#/system');
    const focused = () => page.evaluate(() => document.activeElement.ariaLabel
        ?? document.activeElement.textContent);
    const group = page.getByRole('group', { name: 'Providers' });

    await until('the view of it', async () =>
        /^System/.test(await page.title()));
    await group.focus();
    const drawn = await group.elementHandle();
    await until('it is drawn anew', async () =>
        !await drawn.evaluate((each) => each.isConnected));
    assert.equal(await focused(), 'Providers');

    // of the second look it is known what there was since the first
    assert.match(await group.textContent(), /A second.*Limits left/);
    assert.match(await group.textContent(), /\d\.\d/);

    await page.getByRole('button', { name: 'Pause the queue' }).focus();

    for (const next of ['Resume the queue', 'Pause the queue']) {
        await page.keyboard.press('Enter');
        await until(next, async () => await focused() === next);
    }
    await page.context().close();
});


test('a batch is paused, resumed and cancelled', async () => {
    const page = await open();
    const dropped = files(6);

    await live(page);
    await page.evaluate(() => document.getElementById('start').click());
    await page.setInputFiles('dialog .pick input', dropped.map((file) => ({
        name: file.name, mimeType: 'text/plain',
        buffer: Buffer.from(file.text) })));
    await page.selectOption('dialog select', 'thirty');
    await page.getByLabel('As one batch').check();
    await page.getByLabel('Budget').fill('5');
    await page.click('dialog button[type=submit]');
    await page.getByRole('link', { name: 'To the batch' }).click();

    const fact = (term) => page.locator('.facts div', { hasText: term })
        .locator('dd');
    await until('it is there', async () => /of \$5\.00$/.test(
        await fact('Cost').textContent({ timeout: 5000 }).catch(() => '')));

    for (const [button, word] of [['Pause', 'Paused'], ['Resume', null],
                                  ['Cancel', 'Cancelled']])
    {
        await page.locator('.title').getByRole('button',
            { name: new RegExp(`^${button}:`) }).click();
        await until(`${button} is done`, async () => {
            const now = await fact('Status').textContent();
            return word ? now === word : now !== 'Paused';
        });
    }
    await page.context().close();
});


test('axe-core finds nothing, in any light and size', async () => {
    const { jobs: [{ jobId }] } = await (await fetch(
        `${API}/assessments/jobs?status=completed&limit=1`)).json();

    for (const options of [{}, { colorScheme: 'dark' }, PHONE,
                           { ...PHONE, colorScheme: 'dark' }])
    {
        const page = await open('', options);

        await page.locator('.rows a[href]').first().waitFor();
        assert.deepEqual(await judged(page), [], 'jobs');

        await page.evaluate(() => document.getElementById('start').click());
        await page.locator('dialog option').first()
            .waitFor({ state: 'attached' });
        assert.deepEqual(await judged(page), [], 'the dialog');
        await page.keyboard.press('Escape');

        for (const view of ['batches', 'system']) {
            await page.evaluate((hash) => { location.hash = hash; },
                                `#/${view}`);
            await page.locator('.rows a[href], main table').first()
                .waitFor();
            assert.deepEqual(await judged(page), [], view);
        }

        await page.evaluate((id) => { location.hash = `#/job/${id}`; }, jobId);
        await page.locator('summary').first().click();
        await page.locator('.quote').first().click();
        await page.locator('mark').waitFor();
        assert.deepEqual(await judged(page), [], 'a job');
        assert.ok(await page.evaluate(() => document.documentElement.scrollWidth
            <= innerWidth), 'nothing hangs over the edge');
        await page.context().close();
    }
});


// CPU time of the page's thread: what others do on the machine is not its.
async function busiest(page, act) {
    const session = await page.context().newCDPSession(page);
    const events = [];

    session.on('Tracing.dataCollected', ({ value }) => events.push(...value));
    await session.send('Tracing.start', { transferMode: 'ReportEvents',
        categories: 'devtools.timeline,disabled-by-default-devtools.timeline' });
    await act();

    const complete = new Promise((resolve) =>
        session.once('Tracing.tracingComplete', resolve));
    await session.send('Tracing.end');
    await complete;

    const { tid, pid } = events.find(({ name }) =>
        name === 'FireAnimationFrame');
    const tasks = events.filter((event) => event.name === 'RunTask'
        && event.tid === tid && event.pid === pid);

    return Math.max(...tasks.map((event) => event.tdur ?? 0)) / 1000;
}


test(`a batch of ${ROWS} is paged, and never blocks`, async (t) => {
    await fetch(`${API}/admin/queue/pause`, { method: 'POST' });
    const batchId = await batch(ROWS);
    const page = await open(`#/batch/${batchId}`);
    const known = () => page.locator('.rows .row:not(.unknown)');

    await known().first().waitFor();
    await until('how many', async () =>
        await page.textContent('.total') === '10,000 jobs');

    const ms = await busiest(page, async () => {
        for (let i = 0; i < 30; i++) {
            await page.mouse.move(600, 600);
            await page.mouse.wheel(0, 900);
        }

        // The way there leads through a hundred pages, one after the other.  What
        // is above the list may grow meanwhile: then the end is further down.
        await until('the end', async () => await page.evaluate(() => {
            scrollTo(0, document.body.scrollHeight);
            return [...document.querySelectorAll('.rows .row:not(.unknown)')]
                .at(-1)?.ariaRowIndex;
        }) === `${ROWS + 1}`, 120000);
    });

    t.diagnostic(`at most ${ms} ms of CPU time at a time`);
    assert.ok(ms < 50, `a task took ${ms} ms of CPU time`);
    assert.ok(await page.locator('*').count() < 2000, 'few elements');
    assert.equal(await page.locator('.table').getAttribute('aria-rowcount'),
                 `${ROWS + 1}`);
    await until('the last one has its name', async () => await known().last()
        .locator('a').textContent() === 'file-1.txt');
    await fetch(`${API}/assessments/batch/${batchId}`, { method: 'DELETE' });
    await page.context().close();
});


async function batch(n) {
    const documentIds = [];

    for (let from = 0; from < n; from += 500) {
        const form = new FormData();

        for (let i = from + 1; i <= from + 500; i++) {
            form.append('file', new Blob([`File ${i}, ${process.pid}.`],
                { type: 'text/plain' }), `file-${i}.txt`);
        }
        const stored = await fetch(`${API}/documents`,
            { method: 'POST', body: form });
        documentIds.push(...(await stored.json()).documents
            .map((each) => each.documentId));
    }

    const started = await fetch(`${API}/assessments/batch`, { method: 'POST',
        headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify({ documentIds, questionSet: 'ten' }) });
    return (await started.json()).batchId;
}


test('no page had an error, or asked elsewhere', () => {
    assert.ok(pages.length > 10);

    for (const page of pages) {
        // that a request failed is logged by the browser: there it was meant
        assert.deepEqual(page.errors.filter((text) => !page.proxied
            || !/Failed to load resource/.test(text)), []);
        assert.deepEqual(page.outside, []);
    }
});
