// The hooks in real pages, those of docs/examples/react, and tabs that share a
// connection: see t/assess_browser.t, which starts the server.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, before, test } from 'node:test';

import { Proxy, fast, provider, slow, until } from './help.mjs';

const modules = process.env.ASSESS_MODULES.split(':');
const { chromium } = await import(`${modules[0]}/playwright-core/index.mjs`);

const ARGS = ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic',
              '--no-first-run', '--disable-background-networking',
              '--disable-component-update', '--disable-sync'];

let browser, proxy, made = 0;


before(async () => {
    browser = await chromium.launch({ args: ARGS,
        executablePath: process.env.ASSESS_CHROMIUM });
    proxy = await Proxy.start();
});


after(async () => {
    await browser?.close();
    proxy?.stop();
});


function plan() {
    return { name: `plan-${++made}.txt`, mimeType: 'text/plain',
             buffer: Buffer.from(`The fire doors of stair ${made} are tested `
                 + `every month, ${process.pid}.\n`) };
}


// React as the two modules that the examples name, out of the packages
async function react(route) {
    const name = new URL(route.request().url()).pathname;
    const file = async (path) =>
        (await readFile(`${modules[1]}/${path}`, 'utf8'));
    const isDom = name.includes('react-dom');
    const source = await file(isDom
        ? 'react-dom/umd/react-dom.development.js'
        : 'react/umd/react.development.js');
    const global = isDom ? 'ReactDOM' : 'React';
    const names = isDom ? ['createRoot'] : ['StrictMode', 'createContext',
        'createElement', 'useCallback', 'useContext', 'useEffect', 'useMemo',
        'useRef', 'useState'];

    await route.fulfill({ contentType: 'text/javascript',
        headers: { 'Access-Control-Allow-Origin': '*' },
        body: `${isDom ? "import 'react';\n" : ''}${source}\n`
            + `export const { ${names.join(', ')} } = globalThis.${global};\n` });
}


// A context is one browser: its tabs share.
async function open(context, path, query = {}, folder = 'examples/react') {
    const page = await context.newPage();

    page.errors = [];
    page.on('pageerror', (error) => page.errors.push(`${error}`));
    page.on('console', (message) => {
        if (message.type() === 'error' && !/favicon/.test(message.text()
            + message.location().url))
        {
            page.errors.push(message.text());
        }
    });

    await page.route('**/vendor/**', react);
    await page.goto(new URL(`/${folder}/${path}?${
        new URLSearchParams(query)}`, proxy.url).href);
    return page;
}


async function within(run) {
    const context = await browser.newContext();
    proxy.mode = 'open';

    try {
        await run(context);
    } finally {
        await context.close();
    }
}


const has = (page, selector, text) =>
    page.locator(selector, { hasText: text }).first()
        .waitFor({ timeout: 30000 });


async function call(method, path, body, type = 'application/json') {
    const response = await fetch(proxy.url + path, { method, body,
        headers: { 'Content-Type': type } });
    return response.json();
}


async function startJob(questionSet) {
    await (questionSet === 'ten' ? fast() : slow());

    const { documents } = await call('POST', '/documents', plan().buffer,
                                     'text/plain');

    return (await call('POST', '/assessments/start', JSON.stringify({
        documentId: documents[0].documentId, questionSet }))).jobId;
}


test('useBackgroundAssessment: started, cancelled, run again, read', () =>
    within(async (context) => {
        const page = await open(context, 'background.html',
                                { set: 'hundred' });

        await slow();
        await page.setInputFiles('input[type=file]', plan());
        await page.click('button:has-text("Assess")');
        await has(page, '[role=status]', 'processing');
        await page.click('text=Cancel');
        await has(page, '[role=status]', 'cancelled');
        await fast();
        await page.click('text=Run again');
        await has(page, '[role=status]', 'completed');
        await page.route('**/results', (route) => route.abort());
        await page.click('text=Show answers');
        await has(page, '[role=alert]', 'not reached');
        await page.unroute('**/results');
        await page.click('text=Show answers');
        await has(page, 'li', 'q100: ');
        assert.equal(await page.locator('[role=alert]').count(), 0);

        // one start at a time, also after one that is over
        const starts = [];

        await page.route('**/start', (route) => { starts.push(route); });
        await page.click('button:has-text("Assess")');
        await until('it starts', () => starts.length === 1);
        assert.ok(await page.locator('button:has-text("Assess")')
            .isDisabled());
        await starts[0].continue();
        await page.unroute('**/start');
        await until('that one is over, too', () =>
            page.locator('button:has-text("Assess")').isEnabled());

        await page.click('text=Another');
        await has(page, '[role=status]', 'idle');
        await page.fill('input:not([type=file])', 'unknown');
        await page.click('button:has-text("Assess")');
        await has(page, '[role=alert]', 'question set');

        // the browser says so itself of each answer that is no 2xx, or none
        assert.deepEqual(page.errors.filter((e) =>
            !/status of 404|ERR_FAILED/.test(e)), []);
    }));


test('useJobProgress: two jobs, a reload of the server, one connection', () =>
    within(async (context) => {
        const jobs = [await startJob('ten'), await startJob('hundred')]
            .reverse();
        const streams = proxy.streams;
        const page = await open(context, 'job.html', { job: jobs.join() });

        await has(page, `[data-job="${jobs[0]}"] output`, 'processing');
        process.kill(Number(process.env.ASSESS_PID), 'SIGHUP');
        await fast();
        await has(page, `[data-job="${jobs[0]}"] output`, 'completed');
        await has(page, `[data-job="${jobs[1]}"] output`, 'completed');
        assert.deepEqual(page.errors, []);

        // one, one more after the reload, and the official end of it
        assert.ok(proxy.streams - streams <= 4, `${proxy.streams - streams}`);
    }));


test('useJobProgress: a job that fails', () => within(async (context) => {
    const job = await startJob('hundred');
    const page = await open(context, 'job.html', { job });

    await has(page, 'output', 'processing');
    await provider({ mode: 'out_of_money' });
    await fast();
    await has(page, 'output', 'failed');
    await provider({ mode: 'ok' });
    assert.equal(await page.locator('small', { hasText: 'polled' }).count(), 0);
    assert.deepEqual(page.errors, []);
}));


test('useJobProgress: polled while streams are held', () =>
    within(async (context) => {
        const job = await startJob('hundred');

        proxy.mode = 'held';
        const page = await open(context, 'job.html', { job });

        await has(page, 'small', 'polled');
        proxy.mode = 'open';
        await fast();
        await has(page, 'output', 'completed');
    }));


test('useBatchAssessment: many files, paused, resumed', () =>
    within(async (context) => {
        const page = await open(context, 'batch.html', { set: 'ten' });

        await slow();
        await page.setInputFiles('input[type=file]', [plan(), plan(), plan(), plan()]);
        await page.click('text=Assess all');
        await page.click('button:has-text("Pause"):enabled');
        await has(page, '[role=status]', 'paused');
        await fast();
        await page.click('button:has-text("Resume"):enabled');
        await has(page, '[role=status]', 'completed');
        await has(page, 'p', '4 of 4, 0 failed');

        const [download] = await Promise.all([
            page.waitForEvent('download'), page.click('text=Results (CSV)')]);
        const csv = await readFile(await download.path(), 'utf8');

        assert.match(csv, /questionId,verdict/);
        assert.deepEqual(page.errors, []);
    }));


test('useRealTimeCounters, and tabs that share one connection', () =>
    within(async (context) => {
        const counters = await open(context, 'counters.html');

        await has(counters, 'p', 'Live.');
        await until('there is one stream', () => proxy.open === 1);

        const job = await startJob('hundred');
        const followed = await open(context, 'job.html', { job });

        await has(counters, '#processing', '1');
        await has(followed, 'output', 'processing');
        await until('there is one for both', () => proxy.open === 1);

        // the tab that leads goes, the other one takes over
        await counters.close();
        await until('there is one stream again', () => proxy.open === 1);
        await fast();
        await has(followed, 'output', 'completed');
        assert.deepEqual(followed.errors, []);
    }));


test('a page of another origin, where that is listed', () =>
    within(async (context) => {
        const job = await startJob('ten');
        const page = await open(context, 'open.html', { job }, 'elsewhere');

        await has(page, 'output', 'completed');
        assert.deepEqual(page.errors, []);

        // and where it is not
        const other = await open(context, 'api.html', { job }, 'elsewhere');

        await until('it is refused', () =>
            other.errors.some((e) => /CORS/.test(e)));
    }));
