// Batches: thousands of documents that are paused, resumed and paid for as one.

import { call } from './api.js';
import { ago, ahead, announce, attribute, h, icon, many, money, moment,
  number, offer, once, redraw, say, tool } from './dom.js';
import { on } from './feed.js';
import { WORDS, bar, fill, jobs } from './jobs.js';
import { Rows, table } from './rows.js';

const HEAD = [['name', 'Batch'], ['status', 'Status'],
  ['progress', 'Documents'], ['due', 'Due'], ['cost', 'Cost'],
  ['priority', 'Priority'], ['age', 'Started'], ['tools', '']];

const CALLS = {
  pause: ['POST', '/pause', 'paused'],
  resume: ['POST', '/resume', 'resumed'],
  retry: ['POST', '/retry-failed', 'running again where it failed'],
  cancel: ['DELETE', '', 'cancelled'],
};

function title(batch) {
  return batch.metadata?.name ?? many(batch.totalDocuments, 'document');
}

function ended(batch) {
  return !['queued', 'processing', 'paused'].includes(batch.status);
}

function due(batch) {
  if (batch.status === 'paused') {
    return 'when resumed';
  }
  if (ended(batch)) {
    return batch.completedAt ? moment(batch.completedAt) : '';
  }
  return batch.estimatedCompletion ? ahead(batch.estimatedCompletion) : '';
}

function spent(batch) {
  return batch.maxCost === null ? money(batch.cost)
    : `${money(batch.cost)} of ${money(batch.maxCost)}`;
}

function done(batch) {
  const parts = [`${number(batch.completedDocuments)} of ${
    number(batch.totalDocuments)}`];

  if (batch.failedDocuments) {
    parts.push(`${number(batch.failedDocuments)} failed`);
  }
  if (batch.cancelledDocuments) {
    parts.push(`${number(batch.cancelledDocuments)} cancelled`);
  }
  return parts.join(', ');
}

function possible(batch) {
  return {
    pause: batch.status === 'queued' || batch.status === 'processing',
    resume: batch.status === 'paused',
    retry: batch.failedDocuments > 0 || batch.status === 'cancelled'
      || batch.status === 'budget_exceeded',
    cancel: !ended(batch),
  };
}

async function act(batch, what) {
  const [method, path, word] = CALLS[what];

  try {
    const now = await call(`assessments/batch/${batch.batchId}${path}`,
      { method });
    announce(`${title(batch)} ${word}`);
    return now;
  } catch (problem) {
    announce(problem.message);
    throw problem;
  }
}

// other: what gets the focus where no button is left
function tools(of, done, other) {
  const labels = { pause: 'Pause', resume: 'Resume',
    retry: 'Run failed again', cancel: 'Cancel' };
  const buttons = {};

  for (const [what, label] of Object.entries(labels)) {
    buttons[what] = tool(what, label, () => once(buttons[what], async () => {
      try {
        done(await act(of(), what), what);
      } catch (problem) {
        done(null, what, problem);
      }
    }));
  }

  return {
    buttons: Object.values(buttons),
    update(batch) {
      const can = possible(batch);

      offer(Object.entries(buttons).map(([what, button]) =>
        [button, can[what]]), other);
      for (const [what, button] of Object.entries(buttons)) {
        attribute(button, 'aria-label', `${labels[what]}: ${title(batch)}`);
      }
    },
  };
}

export function batches(view, filters, signal) {
  const { element, body } = table('Batches', HEAD);
  const state = h('div', { class: 'state' });

  view.append(element, state);

  const rows = new Rows({
    body,
    heights: [40, 84],
    key: (batch) => batch.batchId,
    create: () => create(rows),
    update,
    load: async (cursor, limit, stop) => {
      const { batches: items, ...page } = await call(
        `assessments/batches?limit=${limit}${cursor
          ? `&cursor=${encodeURIComponent(cursor)}` : ''}`, { signal: stop });
      return { ...page, items };
    },
    changed: () => {
      attribute(element, 'aria-rowcount', (rows.total ?? 0) + 1);
      element.classList.toggle('nothing', rows.total === 0 || rows.error);
      tell(state, rows);
    },
  });

  on('event', (type, data) => {
    if (type === 'batch' && !rows.patch(data.batchId, data)) {
      rows.refresh();
    }
  }, signal);
  on('look', () => rows.refresh(true), signal);

  const tick = setInterval(() => rows.touch(), 1000);
  signal.addEventListener('abort', () => { clearInterval(tick); rows.close(); });
}

function tell(state, rows) {
  if (rows.error?.status === 404) {
    state.replaceChildren(h('div', { class: 'empty' },
      h('p', {}, 'This server has no list of batches.')));
  } else if (rows.error) {
    redraw(state, h('div', { class: 'notice bad' },
      h('p', {}, `The list could not be read. ${rows.error.message}`),
      h('button', { type: 'button',
        onclick: () => rows.refresh(true) }, 'Try again')));
  } else if (rows.total === 0) {
    state.replaceChildren(h('div', { class: 'empty' },
      h('p', {}, 'No batch has been started.'),
      h('p', { class: 'quiet' },
        'Drop several files at once, and assess them as one batch.')));
  } else {
    redraw(state);
  }
}

function create(rows) {
  const parts = { name: h('a', {}), bar: bar() };
  const cell = (column, ...children) => h('span',
    { role: 'cell', class: `c-${column}` }, ...children);

  for (const column of ['status', 'count', 'due', 'cost', 'priority', 'age']) {
    parts[column] = cell(column);
  }
  parts.count.removeAttribute('role');
  parts.tools = tools(() => row.batch, (batch) => {
    if (batch?.batchId) {
      rows.patch(batch.batchId, batch);
    }
    rows.refresh();
  }, parts.name);

  const row = h('div', { role: 'row', class: 'row' },
    cell('name', parts.name), parts.status,
    cell('progress', parts.bar.track, parts.count), parts.due, parts.cost,
    parts.priority, parts.age, cell('tools', parts.tools.buttons));

  row.parts = parts;
  return row;
}

function update(row, batch) {
  const { parts } = row;

  row.batch = batch;
  say(parts.name, title(batch));
  attribute(parts.name, 'href', `#/batch/${batch.batchId}`);
  attribute(row, 'data-status', batch.status);
  say(parts.status, WORDS[batch.status]);
  fill(parts.bar, batch.progress * 100, batch.status,
    `Progress of ${title(batch)}`);
  say(parts.count, done(batch));
  say(parts.due, due(batch));
  say(parts.cost, spent(batch));
  say(parts.priority, String(batch.priority));
  say(parts.age, ago(batch.createdAt));
  attribute(parts.age, 'title', moment(batch.createdAt));
  parts.tools.update(batch);
}

// One of them: its state, and its jobs below.
export async function batch(view, id, filters, signal) {
  const heading = h('h1', { tabindex: -1 }, 'Batch');
  const line = bar();
  const facts = h('dl', { class: 'facts' });
  const note = h('p', { class: 'note', role: 'alert' });
  const path = `assessments/batch/${id}`;
  let now = null;

  const buttons = tools(() => now, (batch, what, problem) => {
    say(note, problem ? problem.message : '');
    if (batch?.batchId) {
      show(batch);
    }
    list?.refresh(true);
  }, heading);

  const head = h('div', { class: 'title' },
    h('a', { class: 'back', href: '#/batches' }, icon('back'), 'Batches'),
    h('div', { class: 'line' }, heading, h('span', { class: 'tools' },
      buttons.buttons, ...['csv', 'ndjson'].map((format) => h('a', {
        class: 'button', download: `batch-${id}.${format}`,
        href: `${document.documentElement.dataset.api}${path}/results?format=${
          format}` }, format.toUpperCase())))),
    line.track, facts, note);

  view.append(head);

  function show(batch) {
    now = batch;
    say(heading, title(batch));
    fill(line, batch.progress * 100, batch.status, 'Progress of the batch');
    buttons.update(batch);
    facts.replaceChildren(...[['Status', WORDS[batch.status]],
      ['Documents', done(batch)], [ended(batch) ? 'Ended' : 'Due', due(batch) || '–'],
      ['Cost', spent(batch)],
      batch.estimatedCost === null ? null
        : ['Estimated', money(batch.estimatedCost)],
      ['Started', `${moment(batch.createdAt)}${batch.user
        ? ` by ${batch.user}` : ''}`]].filter(Boolean).map(([term, text]) =>
      h('div', {}, h('dt', {}, term), h('dd', {}, text))));
  }

  async function look() {
    try {
      show(await call(path, { signal }));
    } catch (problem) {
      if (problem.name !== 'AbortError') {
        say(note, problem.status === 404 ? 'There is no such batch.'
          : problem.message);
      }
    }
  }

  on('event', (type, data) => type === 'batch' && data.batchId === id
    && show(data), signal);
  on('look', look, signal);

  const list = jobs(view, { ...filters, batchId: id }, signal);
  await look();
  return heading;
}
