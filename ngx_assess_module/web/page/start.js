// Starting assessments: files are dropped or chosen, a question set picked.

import { call, send } from './api.js';
import { announce, attribute, h, icon, many, say, size, tool } from './dom.js';
import { learn } from './names.js';

const AT_ONCE = 2;       // uploads; the others of a browser's connections are
const SHOWN = 5;         // for what the page reads meanwhile
const BATCH = 10000;

const tray = document.getElementById('tray');
const veil = document.getElementById('drop');

let files = [];
let dialog = null;

function remembered() {
  try {
    return localStorage.getItem('assess-question-set');
  } catch {
    return null;
  }
}

function remember(name) {
  try {
    localStorage.setItem('assess-question-set', name);
  } catch {
    // then it is picked again
  }
}

function field(label, input, hint) {
  return h('label', { class: 'field' }, h('span', {}, label), input,
    hint ? h('small', {}, hint) : null);
}

function build() {
  const list = h('ul', { class: 'files' });
  const sets = h('select', { name: 'set', required: true });
  const picker = h('input', { type: 'file', multiple: true,
    class: 'aside-voice', onchange: () => {
      add(picker.files);
      picker.value = '';
    } });
  const priority = h('input', { type: 'number', min: -100, max: 100, value: 0,
    required: true });
  const budget = h('input', { type: 'number', min: 0, step: 'any',
    placeholder: 'none' });
  const together = h('input', { type: 'checkbox' });
  const choice = h('label', { class: 'check' }, together,
    'As one batch: paused, resumed and paid for together');
  const note = h('p', { class: 'bad', role: 'alert' });
  const go = h('button', { class: 'primary', type: 'submit' }, 'Start');
  const questions = h('div', { class: 'notice plain', hidden: true });
  const form = h('form', { method: 'dialog', onsubmit: (event) => {
    event.preventDefault();
    begin({ set: sets.value, priority: Number(priority.value),
      budget: budget.value, together: together.checked && files.length > 1 });
    element.close();
  } }, h('h2', { id: 'start-title' }, 'Assess documents'),
  h('div', { class: 'pick' }, h('p', {}, 'Drop files here, or'),
    h('label', { class: 'button' }, 'Choose files', picker)), list,
  h('div', { class: 'fields' }, field('Question set', sets),
    field('Priority', priority, '-100 to 100'),
    field('Budget in dollars', budget, 'for each document, or the batch')),
  questions, choice, note,
  h('div', { class: 'ends' }, h('button', { type: 'button',
    onclick: () => element.close() }, 'Not now'), go));
  const element = h('dialog', { 'aria-labelledby': 'start-title',
    onclose: () => { files = []; } }, form);

  document.body.append(element);

  function show() {
    const sum = files.reduce((all, file) => all + file.size, 0);

    list.replaceChildren(...files.slice(0, SHOWN).map((file) => h('li', {},
      h('span', {}, file.name), h('small', {}, size(file.size)),
      tool('cancel', `Leave out: ${file.name}`, () => {
        files = files.filter((each) => each !== file);
        show();
      }))), ...(files.length > SHOWN ? [h('li', {},
      `and ${many(files.length - SHOWN, 'more file', 'more files')}, ${
        size(sum)} in all`)] : []));

    choice.hidden = files.length < 2;
    go.disabled = files.length === 0 || files.length > BATCH || !sets.value;
    say(go, files.length > 1 ? `Start ${many(files.length, 'assessment')}`
      : 'Start');
    say(note, files.length > BATCH ? 'At most 10,000 at a time.' : '');
  }

  async function load() {
    try {
      const { questionSets: found } = await call('question-sets?limit=200');
      const picked = sets.value || remembered();

      sets.replaceChildren(...found.map((set) => h('option',
        { value: set.name, selected: set.name === picked },
        `${set.title ?? set.name}, ${many(set.questionCount, 'question')}`)));
      questions.hidden = found.length > 0;
      if (found.length === 0) {
        questions.replaceChildren(...none(load, note));
      }
    } catch (problem) {
      say(note, `The question sets could not be read. ${problem.message}`);
    }
    show();
  }

  sets.addEventListener('change', show);
  return { element, show, load };
}

// Without questions there is nothing to assess: they can be brought here.
function none(load, note) {
  return [h('p', {}, 'There is no question set yet. It is a file of JSON.'),
    h('label', { class: 'button' }, 'Choose a question set', h('input', {
      type: 'file', class: 'aside-voice', accept: '.json,application/json',
      onchange: async (event) => {
        const [file] = event.target.files;
        const name = file.name.replace(/\.json$/i, '')
          .replace(/[^A-Za-z0-9._-]+/g, '-').slice(0, 64);

        try {
          await call(`question-sets/${name}`,
            { method: 'PUT', json: JSON.parse(await file.text()) });
          await load();
        } catch (problem) {
          say(note, problem instanceof SyntaxError ? 'This is no JSON.'
            : problem.message);
        }
      } }))];
}

function add(more) {
  files = files.concat([...more].filter((file) => file.size > 0));
  dialog.show();
}

export function choose(more = []) {
  dialog ??= build();
  if (!dialog.element.open) {
    dialog.element.showModal();
    dialog.load();
  }
  add(more);
}

// ---- what was started

function begin(options) {
  const many_files = files;
  const all = many_files.map((file) => ({ file, part: 0, state: 'waiting' }));

  remember(options.set);
  const group = { all, options, next: 0, running: 0 };
  group.panel = panel(group);
  tray.hidden = false;
  tray.append(group.panel.element);

  for (let i = 0; i < AT_ONCE; i++) {
    go_on(group);
  }
}

async function go_on(group) {
  const each = group.all[group.next++];

  if (!each) {
    if (group.running === 0 && !group.ended) {
      group.ended = true;
      await finish(group);
    }
    return;
  }

  group.running++;
  each.state = 'sending';
  group.panel.draw();

  try {
    await upload(each, group);
    each.state = 'started';
  } catch (problem) {
    each.state = 'failed';
    each.problem = problem;
  }

  each.file = { name: each.file.name };
  group.running--;
  group.panel.draw();
  go_on(group);
}

async function upload(each, { options, panel }) {
  const form = new FormData();
  const progress = (part) => {
    each.part = part;
    panel.draw();
  };

  if (!options.together) {
    form.append('questionSet', options.set);
    if (options.priority) {
      form.append('priority', String(options.priority));
    }
    if (options.budget) {
      form.append('maxCost', options.budget);
    }
  }
  form.append('file', each.file);

  if (options.together) {
    const { documents: [stored] } = await send('documents', form, progress);
    each.documentId = stored.documentId;
    learn(stored);
  } else {
    const started = await send('assessments/start', form, progress);
    each.jobId = started.jobId;
    learn({ documentId: started.documentId, filename: each.file.name });
  }
}

async function finish(group) {
  const { all, options, panel } = group;
  const ids = [...new Set(all.map((each) => each.documentId).filter(Boolean))];
  const failed = all.filter((each) => each.state === 'failed').length;

  if (options.together && ids.length > 0) {
    try {
      const batch = await call('assessments/batch', { method: 'POST', json: {
        documentIds: ids, questionSet: options.set,
        priority: options.priority, metadata: {
          name: `${all[0].file.name} and ${all.length - 1} more` },
        ...(options.budget ? { maxCost: Number(options.budget) } : {}) } });
      group.link = [`#/batch/${batch.batchId}`, 'To the batch'];
    } catch (problem) {
      group.problem = problem;
    }
  }

  announce(group.problem ? group.problem.message
    : `${many(all.length - failed, 'assessment')} started${failed
      ? `, ${failed} refused` : ''}`);
  panel.draw();

  // what went well needs no further looking at
  if (failed === 0 && !group.problem) {
    setTimeout(panel.away, 6000);
  }
}

function panel(group) {
  const text = h('span', {});
  const list = h('ul', {});
  const element = h('div', { class: 'upload' }, h('header', {}, text,
    tool('cancel', 'Hide', () => away(true))), list);
  let wanted = false;

  function away(now) {
    if (now || !element.contains(document.activeElement)
        && !element.matches(':hover')) {
      element.remove();
      tray.hidden = tray.childElementCount === 0;
    }
  }

  function draw() {
    if (!wanted) {
      wanted = true;
      requestAnimationFrame(() => { wanted = false; paint(); });
    }
  }

  function paint() {
    const { all, options } = group;
    const through = all.filter((each) =>
      each.state === 'started' || each.state === 'failed').length;
    const failed = all.filter((each) => each.state === 'failed');
    const order = [...all.filter((each) => each.state === 'sending'), ...failed,
      ...all.filter((each) => each.state === 'started').reverse()];

    say(text, group.problem ? group.problem.message
      : through < all.length ? `Sending, ${through} of ${all.length}`
        : `${options.together ? 'Sent' : 'Started'} ${
          all.length - failed.length} of ${all.length}`);
    list.replaceChildren(...order.slice(0, SHOWN).map(row),
      ...(group.link ? [h('li', {}, h('a', { href: group.link[0] },
        group.link[1]))] : []));
  }

  return { element, draw, away };
}

function row(each) {
  const { name } = each.file;
  const meter = h('progress', { max: 1, value: each.part,
    'aria-label': `Upload of ${name}` });

  return h('li', { 'data-state': each.state },
    each.jobId ? h('a', { href: `#/job/${each.jobId}` }, name)
      : h('span', {}, name),
    each.state === 'sending' ? meter
      : each.state === 'failed' ? h('small', { class: 'bad' },
        each.problem.message)
        : icon('check'));
}

// ---- dropping

function carries(event) {
  return event.dataTransfer?.types.includes('Files');
}

addEventListener('dragover', (event) => {
  if (carries(event)) {
    event.preventDefault();
    veil.hidden = false;
  }
});

addEventListener('dragleave', (event) => {
  if (event.relatedTarget === null) {
    veil.hidden = true;
  }
});

addEventListener('drop', (event) => {
  veil.hidden = true;
  if (carries(event)) {
    event.preventDefault();
    choose(event.dataTransfer.files);
  }
});

document.getElementById('start').addEventListener('click', () => choose());
attribute(document.getElementById('start'), 'aria-haspopup', 'dialog');
