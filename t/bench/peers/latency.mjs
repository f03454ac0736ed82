// latency.mjs KIND PORT [worker]: POST /jobs of JSON, answered 202 with its id;
// GET /events is a stream of events "complete" with the ids of jobs that have
// run.  BullMQ tells of the end everywhere, so that its worker is a process of
// its own, as it would be in earnest: this program with a third argument.  The
// others tell in the worker's process alone.
import Fastify from 'fastify';
import { open } from './queue.mjs';

const [, , kind, port, role] = process.argv;
const queue = await open(kind, 'latency');
const streams = new Set();
const app = Fastify({ logger: false });
const done = id => {
  for (const s of streams) s.write(`event: complete\ndata: {"jobId":"${id}"}\n\n`);
};

if (role === 'worker') await queue.work(() => {}, { concurrency: 10 });
else if (queue.follow) await queue.follow(done);
else await queue.work(done, { batch: 1 });

app.post('/jobs', async (request, reply) => {
  const id = await queue.add(request.body);

  reply.code(202);
  return { jobId: String(id) };
});

app.get('/events', (request, reply) => {
  reply.hijack();
  reply.raw.writeHead(200, { 'content-type': 'text/event-stream' });
  reply.raw.write(':\n\n');
  streams.add(reply.raw);
  reply.raw.on('close', () => streams.delete(reply.raw));
});

// a worker listens, too: that is how it says that it is there
await app.listen({ host: '127.0.0.1', port: +port });
