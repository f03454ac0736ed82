// The frame of the page: which view is shown, how the connection is, counters.

import { announce, attribute, focus, frame, h, moment, number, say }
  from './dom.js';
import { feed, on, open } from './feed.js';
import { batch, batches } from './batches.js';
import { job } from './job.js';
import { jobs } from './jobs.js';
import * as names from './names.js';
import { seed } from './plots.js';
import './start.js';
import { system } from './system.js';
import { call } from './api.js';

const view = document.getElementById('view');
const nav = document.getElementById('nav');
let shown = null;
let first = true;
let from = null;

const VIEWS = {
  jobs: ['Jobs', '#/jobs', (_, filters, signal) => jobs(view, filters, signal)],
  batches: ['Batches', '#/batches', (_, filters, signal) =>
    batches(view, filters, signal)],
  system: ['System', '#/system', (_, filters, signal) => system(view, signal)],
  batch: ['Batch', '#/batches', ([id], filters, signal) =>
    batch(view, id, filters, signal)],
  job: ['Job', '#/jobs', ([id, part], filters, signal) =>
    job(view, id, part ?? 'answers', signal)],
};

// "#/job/ID/log", "#/jobs?status=failed"
function route() {
  const [path, search] = location.hash.slice(2).split('?');
  const [kind, ...parts] = path.split('/');
  const filters = {};

  for (const name of ['status', 'user']) {
    const value = new URLSearchParams(search).get(name);
    if (value) {
      filters[name] = value;
    }
  }
  return { kind: VIEWS[kind] ? kind : 'jobs', parts, filters };
}

async function go() {
  const { kind, parts, filters } = route();
  const [title, link, make] = VIEWS[kind];
  const key = `${kind}/${parts[0] ?? ''}`;
  const same = key === from;

  shown?.abort();
  shown = new AbortController();

  const { signal } = shown;
  const held = same ? document.activeElement.getAttribute?.('href') : null;

  view.replaceChildren();
  view.className = `view-${kind}`;
  document.body.classList.toggle('of-one', Boolean(parts[0]));

  for (const each of nav.children) {
    attribute(each, 'aria-current',
      each.getAttribute('href') === link ? 'page' : null);
  }

  if (!parts[0]) {
    view.append(h('h1', { tabindex: -1, class: 'aside-voice' }, title));
  }

  from = key;

  try {
    await make(parts, filters, signal);
  } finally {
    if (!signal.aborted) {
      settle(title, held);
    }
  }
}

// The title, and the focus: to the heading of another view; in the same one it
// stays with the link that was followed.
function settle(title, held) {
  const heading = view.querySelector('h1');

  document.title = heading && heading.textContent !== title
    ? `${heading.textContent} · ${title}` : `${title} · Assessments`;

  if (first) {
    first = false;
    return;
  }
  focus((held && view.querySelector(`a[href="${CSS.escape(held)}"]`))
    ?? heading);
}

const link = document.getElementById('link');
const words = document.getElementById('link-text');
const stale = document.getElementById('stale');

const STATES = {
  connecting: ['Connecting', ''],
  live: ['Live', 'Each change comes as it happens.'],
  polling: ['Polling', 'No event stream: looked at every few seconds.'],
  away: ['Not connected', ''],
};

function connection() {
  const [word, title] = STATES[feed.state];
  const text = document.getElementById('stale-text');

  attribute(link, 'data-state', feed.state);
  attribute(link, 'title', title || null);
  say(words, word);
  document.body.classList.toggle('old', feed.state === 'away');
  stale.hidden = feed.state !== 'away';

  if (feed.state === 'away') {
    say(text, feed.problem?.status === 401 || feed.problem?.status === 403
      ? `You may not see this. ${feed.problem.message}`
      : `What is shown is of ${moment(feed.since)}: `
        + `${(feed.problem?.message ?? 'the server is silent')
          .replace(/\.$/, '')}. It is tried again every few seconds.`);
  }
}

let was = 'live';

on('state', () => {
  connection();

  // that it is live is what one expects
  if (feed.state !== was && (feed.state === 'away' || was === 'away')) {
    announce(feed.state === 'away' ? 'The connection is lost'
      : 'The connection is back');
  }
  was = feed.state;
});

const values = new Map([...document.querySelectorAll('[data-counter]')]
  .map((element) => [element.dataset.counter, element]));
let counters = null;

function count() {
  for (const [name, element] of values) {
    say(element, number(counters[name]));
  }
  values.get('failed').classList.toggle('bad', counters.failed > 0);
}

on('event', (type, data) => {
  if (type === 'counters') {
    counters = data;
    frame(count);
  }
});

on('look', () => {
  seed().catch(() => {});
});

document.getElementById('stale-again').addEventListener('click', open);
document.getElementById('skip').addEventListener('click', (event) => {
  event.preventDefault();
  focus(view);
  view.scrollIntoView();
});

addEventListener('hashchange', go);

function begin() {
  connection();
  open();
  go();
  names.begin().catch(() => {});
  call('assessments/counters').then((data) => {
    counters ??= data;
    frame(count);
  }).catch(() => {});
  seed().catch(() => {});
}

// The frame of the page is painted first; a page that is hidden paints nothing.
if (document.hidden) {
  begin();
} else {
  requestAnimationFrame(() => setTimeout(begin));
}
