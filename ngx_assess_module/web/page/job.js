// One job: how far it is, what was answered, what happened.

import { API, call } from './api.js';
import { announce, attribute, h, icon, money, moment, number, offer, once,
  redraw, say, span } from './dom.js';
import { on } from './feed.js';
import { AGAIN, WORDS, act, bar, due, fill, progressed, running, stage }
  from './jobs.js';
import { ask, learn, name } from './names.js';
import { answers } from './answers.js';
import { log } from './log.js';

const FORMATS = [['csv', 'CSV'], ['ndjson', 'NDJSON'], ['json', 'JSON']];

export async function job(view, id, part, signal) {
  const path = `assessments/job/${id}`;
  const heading = h('h1', { tabindex: -1 }, 'Job');
  const line = bar();
  const facts = h('dl', { class: 'facts' });
  const step = h('p', { class: 'step' });
  const note = h('div', { class: 'state' });
  const cancel = h('button', { type: 'button', hidden: true,
    onclick: () => once(cancel, () => change('cancel')) }, icon('cancel'),
  'Cancel');
  const again = h('button', { type: 'button', hidden: true,
    onclick: () => once(again, () => change('retry')) }, icon('retry'),
  'Run again');
  const body = h('div', { class: 'part' });
  let now = null;
  let shown = null;
  let asked = 0;
  let soon = null;

  view.append(h('div', { class: 'title' },
    h('a', { class: 'back', href: '#/jobs' }, icon('back'), 'Jobs'),
    h('div', { class: 'line' }, heading,
      h('span', { class: 'tools' }, cancel, again, exports())),
    line.track, step, facts, note), parts(), body);

  function exports() {
    return h('span', { class: 'group', role: 'group',
      'aria-label': 'Export the answers' },
    FORMATS.map(([format, word]) => h('a', { class: 'button',
      download: `answers-${id}.${format}`,
      href: `${API}${path}/results?format=${format}` }, word)));
  }

  function parts() {
    return h('nav', { class: 'tabs', 'aria-label': 'Of this job' },
      [['answers', 'Answers'], ['log', 'Log']].map(([each, word]) => h('a', {
        href: `#/job/${id}${each === 'answers' ? '' : `/${each}`}`,
        'aria-current': each === part ? 'true' : null }, word)));
  }

  async function change(what) {
    try {
      show(await act(now, what));
      shown?.look(now);
    } catch (problem) {
      note.replaceChildren(notice(problem.message));
    }
  }

  function show(job) {
    now = { ...job, step: job.step ?? (now?.stage === job.stage ? now?.step
      : null) };
    offer([[cancel, running(now)], [again, AGAIN.includes(now.status)]],
      heading);
    line.track.hidden = now.status === 'completed';
    fill(line, now.progress, now.status, 'Progress of this job');
    say(step, running(now) ? `${stage(now)}, ${now.progress} %${
      now.totalBatches ? `, ${number(now.completedBatches)} of ${
        number(now.totalBatches)} groups of questions` : ''}` : stage(now));
    attribute(step, 'data-status', now.status);
    write(facts, list(now));

    if (now.error) {
      note.replaceChildren(notice(now.error.message, now.error.code));
    } else if (note.firstChild) {
      note.replaceChildren();
    }
  }

  // A moment after the last of them, and not for each.
  function later() {
    soon ??= setTimeout(async () => {
      soon = null;
      await look();
      shown?.look(now);
    }, Math.max(100, asked + 1500 - Date.now()));
  }

  async function look() {
    asked = Date.now();
    try {
      show(await call(path, { signal }));
    } catch (problem) {
      if (problem.name !== 'AbortError' && !now) {
        note.replaceChildren(notice(problem.status === 404
          ? 'There is no such job, or it is not yours to see.'
          : problem.message));
      }
    }
  }

  on('event', (type, data) => {
    if (data.jobId !== id) {
      return;
    }
    if (type === 'progress' || type === 'queued') {
      now && show({ ...now, ...progressed(data),
        ...(type === 'queued' ? { status: 'queued' } : {}) });
    } else {
      show(data);
      announce(`${name(data.documentId) ?? 'The job'}: ${
        WORDS[data.status]}`);
    }
    later();
  }, signal);
  on('look', later, signal);

  const tick = setInterval(() => now && running(now) && show(now), 1000);
  signal.addEventListener('abort', () => {
    clearInterval(tick);
    clearTimeout(soon);
  });

  await look();

  if (now) {
    ask(now.documentId, () => say(heading, name(now.documentId)));
    shown = part === 'log' ? log(body, path, signal)
      : answers(body, path, now, signal);
    shown.look(now);
    call(`documents/${now.documentId}`, { signal }).then((document) => {
      learn(document);
      say(heading, name(now.documentId));
    }).catch(() => {});
  }
  return heading;
}

function notice(text, code) {
  return h('div', { class: 'notice bad' }, h('p', {}, text,
    code ? h('code', {}, code) : null));
}

function list(job) {
  const facts = [
    [job.status === 'queued' || running(job) ? 'Due' : 'Time',
      due(job).replace(/^took /, '') || '–'],
    ['Cost', job.maxCost === null ? money(job.cost)
      : `${money(job.cost)} of ${money(job.maxCost)}`],
    ['Tokens', `${number(job.tokens.input)} in, ${
      number(job.tokens.output)} out`],
    ['Priority', String(job.priority)],
    ['Attempt', String(job.attempt)],
    ['Started', `${moment(job.createdAt)}${job.user ? ` by ${job.user}` : ''}`],
  ];

  if (job.startedAt) {
    facts.push(['Waited', span((Date.parse(job.startedAt)
      - Date.parse(job.createdAt)) / 1000)]);
  }
  if (job.batchId) {
    facts.push(['Batch', h('a', { href: `#/batch/${job.batchId}` },
      'its batch')]);
  }
  facts.push(['Document', h('a', { target: '_blank', rel: 'noopener',
    href: `${API}documents/${job.documentId}/content` }, 'the original')]);
  return facts;
}

// The same terms again are only written where they changed: a link in there
// may have the focus.
function write(element, facts) {
  const terms = facts.map(([term]) => term).join();

  if (element.dataset.terms !== terms) {
    element.dataset.terms = terms;
    redraw(element, ...facts.map(([term, text]) =>
      h('div', {}, h('dt', {}, term), h('dd', {}, text))));
    return;
  }
  facts.forEach(([, text], i) => {
    if (typeof text === 'string') {
      say(element.children[i].lastChild, text);
    }
  });
}
