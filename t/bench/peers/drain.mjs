// drain.mjs KIND COUNT: so many empty jobs, stored in bulk, then run by this
// one process, in batches where the queue has any.  Prints jobs a second, and
// CPU seconds of this process.
import { open, sleep } from './queue.mjs';

const [, , kind, count] = process.argv;
const queue = await open(kind, 'drain');
let ended = 0;

for (let i = 0; i < +count; i += 1000) {
  const n = Math.min(1000, +count - i);
  await queue.addAll(Array.from({ length: n }, (_, k) => ({ document: `${i + k}` })));
}

await sleep(300);

const cpu = process.cpuUsage();
const start = performance.now();

await queue.work(() => ended++);
while (ended < +count) await sleep(2);
while (!(await queue.empty())) await sleep(5);

const seconds = (performance.now() - start) / 1e3;
const used = process.cpuUsage(cpu);

console.log(JSON.stringify({ rate: +count / seconds, seconds,
                             cpu: (used.user + used.system) / 1e6 }));
process.exit(0);
