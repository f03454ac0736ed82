// The queues that are compared with: each is opened by its name and has
// add(body) -> id, addAll(bodies), work(done), empty(), close().  Where they
// are is told by REDIS_PORT and by libpq's variables.

export const sleep = ms => new Promise(r => setTimeout(r, ms));

// no program outlives its benchmark
setTimeout(() => process.exit(3), 900e3).unref();
process.on('SIGTERM', () => process.exit(0));

const host = { host: process.env.PGHOST, port: 5432, user: process.env.PGUSER,
               database: process.env.PGDATABASE };

async function bullmq(name) {
  const { Queue, QueueEvents, Worker } = await import('bullmq');
  const connection = { host: '127.0.0.1', port: +process.env.REDIS_PORT };
  const queue = new Queue(name, { connection });
  let worker, events;

  await queue.waitUntilReady();

  return {
    add: async body => (await queue.add('job', body)).id,
    addAll: bodies => queue.addBulk(bodies.map(data => ({ name: 'job', data }))),

    // in this process
    async work(done, { run = async () => {}, concurrency = 100 } = {}) {
      worker = new Worker(name, run, { connection, concurrency,
                                       lockDuration: 120e3 });
      worker.on('completed', job => done(job.id));
      worker.on('failed', (job, e) => done(job.id, e));
      worker.on('error', e => console.error(e.message));
      await worker.waitUntilReady();
    },

    // in whichever process
    async follow(done) {
      events = new QueueEvents(name, { connection });
      events.on('completed', ({ jobId }) => done(jobId));
      events.on('failed', ({ jobId, failedReason }) => done(jobId, failedReason));
      await events.waitUntilReady();
    },

    async empty() {
      const n = await queue.getJobCounts('wait', 'active', 'prioritized');
      return !n.wait && !n.active && !n.prioritized;
    },
  };
}

async function pgboss(name) {
  const { PgBoss } = await import('pg-boss');
  const pg = (await import('pg')).default;
  const pool = new pg.Pool({ ...host, max: 1 });
  const boss = new PgBoss({ ...host, max: 10, useListenNotify: true });

  boss.on('error', e => console.error(e.message));
  await boss.start();
  await boss.createQueue(name, { notify: true });

  return {
    add: body => boss.send(name, body),
    addAll: bodies => boss.insert(name, bodies.map(data => ({ data }))),

    async work(done, { batch = 500 } = {}) {
      const options = batch > 1
        ? { batchSize: batch, localConcurrency: 2, burstWhenBatchFull: true,
            pollingIntervalSeconds: 0.5 }
        : { pollingIntervalSeconds: 0.5 };

      await boss.work(name, options, async jobs => {
        for (const job of jobs) done(job.id);
      });
    },

    async empty() {
      const sql = 'select not exists(select from pgboss.job'
        + " where name = $1 and state < 'completed') e";
      return (await pool.query(sql, [name])).rows[0].e;
    },
  };
}

async function graphile(name) {
  const { Logger, makeWorkerUtils, run } = await import('graphile-worker');
  const pg = (await import('pg')).default;
  const pgPool = new pg.Pool({ ...host, max: 32 });

  // it refuses a pool without these two
  pgPool.on('error', () => {});
  pgPool.on('connect', client => client.on('error', () => {}));

  const utils = await makeWorkerUtils({ pgPool });
  await utils.migrate();

  return {
    add: async body => (await utils.addJob(name, body)).id,
    addAll: bodies => utils.addJobs(bodies.map(payload => (
      { identifier: name, payload }))),

    async work(done, { batch = 500 } = {}) {
      const batched = { localQueue: { size: batch,
                                      refetchDelay: { durationMs: 10 } },
                        completeJobBatchDelay: 0, failJobBatchDelay: 0 };
      const runner = await run({
        pgPool, taskList: { [name]: async () => {} }, noHandleSignals: true,
        logger: new Logger(() => () => {}),
        preset: { worker: { concurrentJobs: batch > 1 ? 24 : 10,
                            ...(batch > 1 ? batched : {}) } },
      });

      runner.events.on(batch > 1 ? 'job:success' : 'job:complete',
                       ({ job }) => done(job.id));
    },

    async empty() {
      const sql = 'select not exists(select from'
        + ' graphile_worker._private_jobs) e';
      return (await pgPool.query(sql)).rows[0].e;
    },
  };
}

const kinds = { bullmq, pgboss, graphile };

export const open = (kind, name) => kinds[kind](name);
