// accept.mjs KIND PORT: POST /jobs of JSON, stored, answered 202 with its id.
import Fastify from 'fastify';
import { open } from './queue.mjs';

const [, , kind, port] = process.argv;
const queue = await open(kind, 'accept');
const app = Fastify({ logger: false });
const schema = {
  body: { type: 'object', required: ['document'],
          properties: { document: { type: 'string' } } },
  response: { 202: { type: 'object', properties: { jobId: { type: 'string' } } } },
};

app.post('/jobs', { schema }, async (request, reply) => {
  const id = await queue.add(request.body);

  reply.code(202);
  return { jobId: String(id) };
});

await app.listen({ host: '127.0.0.1', port: +port });
