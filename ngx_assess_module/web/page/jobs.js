// The queue: jobs, newest first, of all or of one batch.

import { call } from './api.js';
import { ago, ahead, announce, attribute, focus, h, many, money, moment,
  number, redraw, say, span, tool } from './dom.js';
import { feed, on } from './feed.js';
import { ask, name } from './names.js';
import { Rows, table } from './rows.js';

const STATES = [['', 'All'], ['queued', 'Queued'], ['processing', 'Running'],
  ['completed', 'Completed'], ['failed', 'Failed'],
  ['cancelled', 'Cancelled'], ['budget_exceeded', 'Over budget']];

// as the server's steps say it, for a job whose step has not been heard
const STAGES = { extracting: 'Extracting text',
  vector_lookup: 'Finding passages', llm_processing: 'Assessing questions',
  finalizing: 'Finishing' };

export const WORDS = { queued: 'Queued', processing: 'Running',
  completed: 'Completed', failed: 'Failed', cancelled: 'Cancelled',
  budget_exceeded: 'Over budget', paused: 'Paused' };

const HEAD = [['name', 'Document'], ['status', 'Status'],
  ['progress', 'Progress'], ['due', 'Due'], ['cost', 'Cost'],
  ['priority', 'Priority'], ['age', 'Started'], ['tools', '']];

const AGAIN = ['failed', 'cancelled', 'budget_exceeded'];

export function running(job) {
  return job.status === 'queued' || job.status === 'processing';
}

export function stage(job) {
  return job.status === 'processing'
    ? job.step ?? STAGES[job.stage] ?? 'Running' : WORDS[job.status];
}

// When it may be through, or how many are before it.
export function due(job) {
  if (job.status === 'queued') {
    return job.queuePosition ? `no. ${number(job.queuePosition)} in line`
      : 'in line';
  }
  if (job.status === 'processing') {
    return job.estimatedCompletion ? ahead(job.estimatedCompletion) : '';
  }
  return job.completedAt && job.startedAt
    ? `took ${span((Date.parse(job.completedAt)
        - Date.parse(job.startedAt)) / 1000)}` : '';
}

// What an event of progress says of its job.
export function progressed(data) {
  return { status: 'processing', stage: data.stage, step: data.step,
    progress: data.progress, completedBatches: data.batchCompleted,
    totalBatches: data.totalBatches, cost: data.cost, queuePosition: null,
    estimatedCompletion: data.estimatedCompletion };
}

export function bar() {
  const fill = h('span', { class: 'fill' });
  const track = h('span', { class: 'track', role: 'progressbar',
    'aria-valuemin': 0, 'aria-valuemax': 100 }, fill);
  return { track, fill };
}

export function fill({ track, fill }, percent, status, label) {
  const scale = `scaleX(${percent / 100})`;

  if (fill.style.transform !== scale) {
    fill.style.transform = scale;
  }
  attribute(track, 'aria-valuenow', Math.round(percent));
  attribute(track, 'aria-label', label);
  attribute(track, 'data-status', status);
}

// Cancels or runs again; the answer is the job as it is then.
export async function act(job, what) {
  const called = name(job.documentId) ?? 'the job';

  try {
    const now = await (what === 'cancel'
      ? call(`assessments/job/${job.jobId}`, { method: 'DELETE' })
      : call(`assessments/job/${job.jobId}/retry`, { method: 'POST' }));
    announce(what === 'cancel' ? `${called} cancelled`
      : `${called} queued again`);
    return now;
  } catch (problem) {
    announce(`${called}: ${problem.message}`);
    throw problem;
  }
}

export function query(filters) {
  const text = new URLSearchParams(Object.entries(filters)
    .filter(([, value]) => value)).toString();
  return text ? `?${text}` : '';
}

export function jobs(view, filters, signal) {
  const { element, body } = table('Jobs', HEAD);
  const state = h('div', { class: 'state' });
  const fresh = h('button', { class: 'fresh', type: 'button', hidden: true,
    onclick: () => { scrollTo(0, 0); fresh.hidden = true; rows.refresh(true); } });
  const total = h('span', { class: 'total' });

  view.append(h('div', { class: 'bar' }, states(filters), mine(filters),
    total), fresh, element, state);

  const rows = new Rows({
    body,
    heights: [40, 70],
    key: (job) => job.jobId,
    create: () => create(rows),
    update,
    load: async (cursor, limit, stop) => {
      const { jobs: items, ...page } = await call('assessments/jobs'
        + query({ ...filters, limit, cursor }), { signal: stop });
      return { ...page, items: items.map((job) => kept(rows, job)) };
    },
    changed: () => {
      say(total, rows.total === null ? '' : many(rows.total, 'job'));
      attribute(element, 'aria-rowcount', (rows.total ?? 0) + 1);
      attribute(element, 'aria-busy', rows.total === null && !rows.error);
      element.classList.toggle('nothing', rows.total === 0);
      tell(state, rows, filters);
    },
  });

  on('event', (type, data) => {
    if (type === 'progress') {
      rows.patch(data.jobId, progressed(data));
    } else if (type !== 'counters') {
      came(rows, fresh, type, data, filters);
    }
  }, signal);
  on('look', () => rows.refresh(true), signal);

  const tick = setInterval(() => {
    rows.touch();
    waits(rows) && rows.refresh();
  }, 1000);

  signal.addEventListener('abort', () => {
    clearInterval(tick);
    rows.close();
  });
  return rows;
}

// The words of a step are told by events alone.
function kept(rows, job) {
  const known = rows?.get?.(job.jobId);
  return known?.stage === job.stage ? { ...job, step: known?.step } : job;
}

// Of what ends the event has all there is; for the rest the list is read
// again, if it is not away from its beginning.
function came(rows, fresh, type, data, filters) {
  if (filters.batchId && data.batchId !== filters.batchId) {
    return;
  }

  const known = data.jobId && (type === 'queued'
    ? rows.patch(data.jobId, { status: 'queued', stage: null, step: null,
      completedAt: null, error: null })
    : rows.patch(data.jobId, { ...data, step: null }));

  if (known || rows.top()) {
    rows.refresh();
  } else if (type === 'queued') {
    fresh.hidden = false;
    say(fresh, 'New jobs: to the top');
  }
}

// The place in line changes without an event of one's own.
function waits(rows) {
  if (feed.state === 'away' || document.hidden
      || Date.now() - rows.refreshed < 4000) {
    return false;
  }
  for (let i = rows.first; i < rows.last; i++) {
    if (rows.item(i)?.status === 'queued') {
      return true;
    }
  }
  return false;
}

function states(filters) {
  return h('nav', { class: 'segments', 'aria-label': 'Status' },
    STATES.map(([status, word]) => h('a', {
      href: `#/${filters.batchId ? `batch/${filters.batchId}` : 'jobs'}${
        query({ status, user: filters.user })}`,
      'aria-current': (filters.status ?? '') === status ? 'true' : null,
    }, word)));
}

function mine(filters) {
  return h('label', { class: 'check' },
    h('input', { type: 'checkbox', checked: filters.user === 'me',
      onchange: (event) => {
        location.hash = `#/${filters.batchId ? `batch/${filters.batchId}`
          : 'jobs'}${query({ status: filters.status,
          user: event.target.checked ? 'me' : '' })}`;
      } }), 'Mine only');
}

function tell(state, rows, filters) {
  if (rows.error) {
    redraw(state, h('div', { class: 'notice bad' },
      h('p', {}, rows.error.status === 403
        ? 'You may not see jobs here: nginx did not say whose they would be.'
        : `The list could not be read. ${rows.error.message}`),
      h('button', { type: 'button',
        onclick: () => rows.refresh(true) }, 'Try again')));
  } else if (rows.total === 0) {
    redraw(state, h('div', { class: 'empty' },
      h('p', {}, filters.status || filters.user
        ? 'No job is like that now.' : 'Nothing has been assessed yet.'),
      filters.status || filters.user ? null
        : h('p', { class: 'quiet' },
          'Drop files anywhere on this page, or choose them.'),
      filters.status || filters.user ? null
        : h('button', { type: 'button', class: 'primary',
          onclick: () => document.getElementById('start').click() },
        'Choose files')));
  } else {
    redraw(state);
  }
}

function create(rows) {
  const parts = { name: h('a', {}), bar: bar(), percent: h('span', {}) };
  const cell = (column, ...children) => {
    parts[column] ??= h('span', { role: 'cell', class: `c-${column}` });
    parts[column].append(...children);
    return parts[column];
  };
  const row = h('div', { role: 'row', class: 'row' },
    h('span', { role: 'cell', class: 'c-name' }, parts.name),
    cell('status'), h('span', { role: 'cell', class: 'c-progress' },
      parts.bar.track, parts.percent), cell('due'), cell('cost'),
    cell('priority'), cell('age'),
    cell('tools'));

  async function ask_for(what) {
    const id = row.job.jobId;
    const held = row.contains(document.activeElement);

    row.classList.add('busy');
    try {
      rows.patch(id, await act(row.job, what));
    } catch (problem) {
      row.title = problem.message;
    }
    row.classList.remove('busy');
    rows.refresh();
    rows.paint();
    if (held) {
      focus(parts.name);
    }
  }

  row.ask_for = ask_for;
  row.parts = parts;
  row.rows = rows;
  return row;
}

function update(row, job) {
  const { parts } = row;
  const called = name(job.documentId);

  if (row.job?.documentId !== job.documentId && !called) {
    ask(job.documentId, () => row.rows.touch());
  }

  row.job = job;
  say(parts.name, called ?? `Document ${job.documentId.slice(-6)}`);
  attribute(parts.name, 'href', `#/job/${job.jobId}`);
  attribute(row, 'data-status', job.status);
  say(parts.status, stage(job));
  attribute(parts.status, 'title', job.error?.message);
  fill(parts.bar, job.progress, job.status, `Progress of ${called ?? 'it'}`);
  say(parts.percent, quiet(job) ? '' : `${job.progress} %`);
  parts.bar.track.classList.toggle('quiet', quiet(job));
  say(parts.due, due(job));
  say(parts.cost, job.cost ? money(job.cost) : '–');
  say(parts.priority, job.priority ? String(job.priority) : '0');
  say(parts.age, ago(job.createdAt));
  attribute(parts.age, 'title', moment(job.createdAt));
  tools(row, job, called ?? 'this job');
}

// Nothing has begun, or nothing is left: a bar would say no more.
function quiet(job) {
  return job.status === 'completed' || job.progress === 0
    && job.status !== 'processing';
}

// What most of the rows have no use for is not there.
function tools({ parts, ask_for }, job, called) {
  const what = running(job) ? 'cancel'
    : AGAIN.includes(job.status) ? 'retry' : '';
  const label = `${what === 'cancel' ? 'Cancel' : 'Run again'}: ${called}`;

  if (parts.tools.dataset.what !== what) {
    // Enter there is not to do another thing all at once
    if (parts.tools.contains(document.activeElement)) {
      focus(parts.name);
    }
    parts.tools.dataset.what = what;
    parts.tools.replaceChildren(...(what
      ? [tool(what, label, () => ask_for(what))] : []));
  } else if (what) {
    attribute(parts.tools.firstChild, 'aria-label', label);
  }
}

export { AGAIN };
