// Answers, and the quotes that they rest on.

import { call } from './api.js';
import { attribute, frame, h, icon, many, say } from './dom.js';
import { source } from './source.js';

const SOME = 40;     // answers that are made in one frame

export const VERDICTS = [
  ['compliant', 'Compliant'],
  ['partially_compliant', 'Partly compliant'],
  ['non_compliant', 'Not compliant'],
  ['not_applicable', 'Not applicable'],
  ['insufficient_evidence', 'Too little evidence'],
];

const WORD = Object.fromEntries(VERDICTS);

export function answers(view, path, job, signal) {
  const items = new Map();
  const list = h('ol', { class: 'answers' });
  const filters = h('div', { class: 'segments', role: 'group',
    'aria-label': 'Show' });
  const state = h('div', { class: 'state' });
  const pane = source(view, job.documentId, signal);
  const buttons = new Map();
  let wish = '';
  let questions = null;
  let rest = [];       // of what was read last, what is yet to be written
  let at = 0;

  view.classList.add('split');
  view.append(h('div', { class: 'column' }, filters, state, list), pane.element);

  for (const [verdict, word] of [['', 'All'], ...VERDICTS,
    ['unverified', 'Quote not found']]) {
    const button = h('button', { type: 'button',
      'aria-pressed': String(verdict === ''), onclick: () => choose(verdict) },
    WORD[verdict] ? h('span', { class: 'verdict', 'data-verdict': verdict },
      word) : word, ' ', h('b', {}, ''));
    buttons.set(verdict, button);
    filters.append(button);
  }

  function choose(verdict) {
    wish = verdict;
    for (const [each, button] of buttons) {
      attribute(button, 'aria-pressed', each === verdict ? 'true' : 'false');
    }
    filter();
  }

  function filter() {
    for (const item of items.values()) {
      item.hidden = !(wish === '' || item.answer.verdict === wish
        || wish === 'unverified' && unverified(item.answer));
    }
  }

  function counts(results) {
    const all = { ...results.summary, '': results.answers.length,
      unverified: results.answers.filter(unverified).length };
    for (const [verdict, button] of buttons) {
      say(button.lastChild, String(all[verdict] ?? 0));
      button.classList.toggle('none', !all[verdict]);
    }
  }

  async function look(now) {
    let results;

    try {
      results = await call(`${path}/results`, { signal });
      questions ??= await texts(results.questionSet, signal);
    } catch (problem) {
      if (problem.name !== 'AbortError') {
        state.replaceChildren(h('div', { class: 'notice bad' },
          h('p', {}, `The answers could not be read. ${problem.message}`)));
      }
      return;
    }

    counts(results);
    tell(state, results, now);
    rest = results.answers;
    at = 0;
    some();
  }

  // A set may have two thousand questions: not in one frame.
  function some() {
    rest.slice(at, at + SOME).forEach((answer, i) => {
      let item = items.get(answer.questionId);
      if (!item) {
        item = create(questions, pane);
        items.set(answer.questionId, item);
        list.insertBefore(item, list.children[at + i] ?? null);
      }
      update(item, answer, questions);
    });
    filter();
    at += SOME;

    if (at < rest.length && !signal.aborted) {
      frame(some);
    }
  }

  return { look };
}

function unverified(answer) {
  return answer.evidence.some((piece) => !piece.verified);
}

async function texts({ name, version }, signal) {
  try {
    const set = await call(`question-sets/${name}?version=${version}`,
      { signal });
    return new Map(set.questions.map((question) => [question.id, question]));
  } catch (problem) {
    if (problem.name === 'AbortError') {
      throw problem;
    }
    return new Map();
  }
}

function tell(state, results, job) {
  if (results.answers.length > 0) {
    state.replaceChildren();
    return;
  }
  state.replaceChildren(h('div', { class: 'empty' },
    h('p', {}, ['queued', 'processing'].includes(job.status)
      ? 'No answer yet. They come in here one by one.'
      : 'There is no answer.')));
}

function create(questions, pane) {
  const parts = { id: h('code', {}), text: h('span', { class: 'question' }),
    verdict: h('span', { class: 'verdict' }), sure: h('span', { class: 'sure' }),
    body: h('div', { class: 'reasons' }) };
  const item = h('li', {}, h('details', { ontoggle: () => open(item, pane) },
    h('summary', {}, parts.id, parts.text, parts.verdict, parts.sure),
    parts.body));
  item.parts = parts;
  return item;
}

function update(item, answer, questions) {
  const text = JSON.stringify(answer);

  if (item.text === text) {
    return;
  }

  const { parts } = item;

  item.text = text;
  item.answer = answer;
  item.made = false;
  say(parts.id, answer.questionId);
  say(parts.text, questions.get(answer.questionId)?.text ?? '');
  say(parts.verdict, WORD[answer.verdict]);
  attribute(parts.verdict, 'data-verdict', answer.verdict);
  say(parts.sure, `${Math.round(answer.confidence * 100)} %`);
  attribute(parts.sure, 'title', 'Confidence');
  open(item, item.pane);
}

// What is closed has nothing in it.
function open(item, pane) {
  item.pane = pane;

  if (item.made || !item.firstChild.open || !item.answer) {
    return;
  }
  item.made = true;

  const { answer, parts } = item;
  const quotes = answer.evidence.map((piece) => h('li', {}, quote(piece, pane)));

  parts.body.replaceChildren(h('p', {}, answer.rationale),
    quotes.length ? h('ul', { class: 'quotes' }, quotes)
      : h('p', { class: 'quiet' }, 'No quote was given.'),
    h('p', { class: 'quiet' }, `${answer.provider}, ${answer.model}${
      answer.cached ? ', from the cache' : ''}${quotes.length
      ? `, ${many(quotes.length, 'quote')}` : ''}`));
}

function quote(piece, pane) {
  const button = h('button', { type: 'button', class: 'quote',
    'data-verified': String(piece.verified), 'aria-expanded': 'false',
    onclick: () => pane.show(piece, button) },
  h('q', {}, piece.quote.replace(/\s+/g, ' ')),
  h('span', { class: 'place' },
    piece.verified ? icon('check') : icon('cancel'),
    piece.verified ? `Page ${piece.page}, verified`
      : `Page ${piece.page}, not found there`, icon('next')));
  return button;
}
