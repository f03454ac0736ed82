// What works: workers, instances, providers, storages.

import { call } from './api.js';
import { ago, announce, h, moment, number, once, redraw, say, span }
  from './dom.js';
import { on } from './feed.js';

const EVERY = 3000;

// by the name of a provider
const looks = new Map();

export async function system(view, signal) {
  const queue = h('section', { 'aria-labelledby': 'queue-title' });
  const providers = h('section', { 'aria-labelledby': 'providers-title' });

  view.append(h('div', { class: 'panels' }, queue, providers));

  async function look() {
    if (document.hidden) {
      return;
    }
    await Promise.all([
      show(queue, 'queue', 'Queue and workers', 'admin/queue/status', workers),
      show(providers, 'providers', 'Providers and storage', 'health/ready',
        health)]);
  }

  async function show(section, id, title, path, draw) {
    let parts;

    try {
      parts = draw(await call(path, { signal }), look);
    } catch (problem) {
      if (problem.name === 'AbortError') {
        return;
      }
      parts = [refused(problem)];
    }

    redraw(section, h('h2', { id: `${id}-title` }, title), ...parts);
  }

  on('look', look, signal);
  const turn = setInterval(look, EVERY);
  signal.addEventListener('abort', () => clearInterval(turn));
  await look();
}

function refused(problem) {
  const text = problem.status === 403
    ? ['Only for operators.', 'Who is one is decided by assess_admin in the '
      + 'configuration of nginx.']
    : problem.status === 404 ? ['This server does not tell.', '']
      : ['It could not be read.', problem.message];

  return h('div', { class: 'empty' }, h('p', {}, text[0]),
    h('p', { class: 'quiet' }, text[1]));
}

function facts(list) {
  return h('dl', { class: 'facts' }, list.map(([term, text]) =>
    h('div', {}, h('dt', {}, term), h('dd', {}, text))));
}

function grid(label, head, rows) {
  return h('div', { class: 'scroll', tabindex: 0, role: 'group',
    'aria-label': label }, h('table', {},
    h('thead', {}, h('tr', {}, head.map((text) =>
      h('th', { scope: 'col' }, text)))),
    h('tbody', {}, rows.map((row) => h('tr', {}, row.map((cell) =>
      h('td', {}, cell)))))));
}

function lamp(good, text) {
  return h('span', { class: 'lamp', 'data-good': String(good) }, text);
}

function workers(status, look) {
  const { byStatus, byPriority } = status.depth;
  const minute = status.lastMinute;

  return [
    pause(status, look),
    facts([['Instances alive', number(status.instancesAlive)],
      ['Workers alive', number(status.workersAlive)],
      ['Running', number(status.activeJobs)],
      ['Queued', number(byStatus.queued)],
      ['Oldest waits', status.oldestQueuedSeconds === null ? '–'
        : span(status.oldestQueuedSeconds)],
      ['Last minute', `${number(minute.queued)} in, ${
        number(minute.completed)} completed, ${number(minute.failed)} failed`]]),
    byPriority.length > 1 ? grid('By priority',
      ['Priority', 'Queued', 'Running'], byPriority.map((each) =>
        [String(each.priority), number(each.queued),
          number(each.processing)])) : null,
    grid('Workers', ['Worker', 'State', 'Jobs', 'Up since', 'Seen'],
      status.workers.map((worker) => [`${worker.host}, ${worker.pid}`,
        lamp(worker.alive, worker.alive ? 'alive' : 'gone'),
        number(worker.activeJobs), moment(worker.startedAt),
        ago(worker.seenAt)])),
  ].filter(Boolean);
}

function pause(status, look) {
  const note = h('p', { role: 'alert' });
  const button = h('button', { type: 'button', onclick: () =>
    once(button, async () => {
      try {
        await call(`admin/queue/${status.paused ? 'resume' : 'pause'}`,
          { method: 'POST' });
        announce(status.paused ? 'The queue goes on' : 'The queue is paused');
        await look();
      } catch (problem) {
        say(note, problem.message);
      }
    }) }, status.paused ? 'Resume the queue' : 'Pause the queue');

  return h('div', { class: `notice${status.paused ? ' warn' : ' plain'}` },
    h('p', {}, status.paused
      ? `No job begins: paused ${ago(status.pausedSince)}${
        status.pausedBy ? ` by ${status.pausedBy}` : ''}.`
      : 'Jobs begin as workers are free.'), button, note);
}

// How many requests a second there were since the last look.
function rate(name, requests) {
  const now = performance.now();
  const before = looks.get(name);

  looks.set(name, { now, requests });
  return before && requests >= before.requests
    ? ((requests - before.requests) * 1000 / (now - before.now)).toFixed(1)
    : '–';
}

const QUOTAS = { requests: 'requests', tokens: 'tokens',
  inputTokens: 'tokens in', outputTokens: 'tokens out' };

// Of each limit that the provider tells of, as it told last.
function left(quotas) {
  return Object.entries(QUOTAS).filter(([key]) => quotas?.[key])
    .map(([key, word]) => `${number(quotas[key].remaining)} of ${
      number(quotas[key].limit)} ${word}`).join(', ') || '–';
}

function health(ready) {
  const named = Object.entries(ready.providers ?? {});
  const storages = Object.entries(ready.storages ?? {});
  const cache = ready.answerCache;
  const asked = cache ? cache.hits + cache.misses : 0;

  return [
    facts([['State', lamp(ready.status === 'ok', ready.status)],
      ['Database', lamp(ready.store === 'ok', ready.store)],
      ['Extractor', lamp(ready.extractor === 'ok', ready.extractor)],
      ['Answers from the cache', asked === 0 ? '–'
        : `${Math.round(100 * cache.hits / asked)} % of ${number(asked)}`]]),
    named.length ? grid('Providers', ['Provider', 'Circuit', 'In flight',
      'Requests', 'A second', '429', 'Failures', 'Limits left'],
    named.map(([name, state]) => [name,
      lamp(state.circuit === 'closed', state.circuit === 'closed' ? 'closed'
        : 'open: jobs wait'),
      `${number(state.inFlight)} of ${number(state.concurrency)}`,
      number(state.requests), rate(name, state.requests),
      number(state.throttled), number(state.failures), left(state.quotas)]))
      : h('p', { class: 'quiet' }, 'No provider has a server: “local” needs '
        + 'none.'),
    storages.length ? grid('Storages', ['Storage', 'Read', 'Write'],
      storages.map(([name, state]) => [name,
        lamp(state.read, state.read ? 'yes' : 'no'),
        lamp(state.write, state.write ? 'yes' : 'no')])) : null,
  ].filter(Boolean);
}
