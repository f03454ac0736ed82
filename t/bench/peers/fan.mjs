// fan.mjs KIND PORT PROVIDER_PORT CONCURRENCY: a worker whose jobs make 22
// requests of 1 KB each to a provider, all at once.  It listens when it is
// there.  fan.mjs KIND COUNT: stores so many jobs, waits for the end of all,
// prints how long that took.
import { open } from './queue.mjs';

const [, , kind, port, provider, concurrency] = process.argv;
const queue = await open(kind, 'fan');

async function work() {
  const { Agent, request } = await import('undici');
  const { createServer } = await import('node:http');
  const url = `http://127.0.0.1:${provider}/v1/chat/completions`;
  const dispatcher = new Agent({ connections: null, pipelining: 1 });
  const post = { method: 'POST', dispatcher,
                 headers: { 'content-type': 'application/json' },
                 body: JSON.stringify({ model: 'm', prompt: 'x'.repeat(1000) }) };
  const ask = async () => (await request(url, post)).body.json();
  const run = () => Promise.all(Array.from({ length: 22 }, ask));

  await queue.work(() => {}, { run, concurrency: +concurrency });
  createServer().listen(+port, '127.0.0.1');
}

async function feed(count) {
  let ended = 0, failed = 0, all;
  const over = new Promise(resolve => { all = resolve; });

  await queue.follow((id, why) => {
    failed += why !== undefined;
    if (++ended === count) all();
  });

  const start = performance.now();
  await queue.addAll(Array.from({ length: count }, (_, i) => ({ document: `${i}` })));
  await over;

  const seconds = (performance.now() - start) / 1e3;
  console.log(JSON.stringify({ seconds, failed }));
  process.exit(0);
}

await (provider ? work() : feed(+port));
