// The lines of a job's log, as they are written.

import { call } from './api.js';
import { h, moment } from './dom.js';

export function log(view, path, signal) {
  const lines = h('ol', { class: 'log', tabindex: 0, 'aria-label': 'Log' });
  const state = h('div', { class: 'state' });
  let cursor = '';
  let known = 0;
  let busy = false;
  let more = false;

  view.append(state, lines);

  // The last page is read again: from its beginning, for it has grown.
  async function look(job) {
    if (busy) {
      more = true;
      return;
    }
    busy = true;

    try {
      await read(job);
    } catch (problem) {
      tell(problem);
    }

    busy = false;
    if (more && !signal.aborted) {
      more = false;
      look(job);
    }
  }

  async function read(job) {
    for (;;) {
      const page = await call(`${path}/logs?limit=200${cursor
        ? `&cursor=${encodeURIComponent(cursor)}` : ''}`, { signal });

      add(page.lines.slice(known));
      known = page.lines.length;

      if (!page.nextCursor) {
        break;
      }
      cursor = page.nextCursor;
      known = 0;
    }

    state.replaceChildren(...(lines.firstChild ? [] : [h('div',
      { class: 'empty' }, h('p', {}, job.status === 'queued'
        ? 'Nothing has happened yet.' : 'There is no line.'))]));
  }

  function add(fresh) {
    const end = lines.scrollHeight - lines.scrollTop - lines.clientHeight < 30;

    lines.append(...fresh.map((line) => h('li', { 'data-level': line.level },
      h('time', { datetime: line.timestamp }, moment(line.timestamp)),
      h('span', { class: 'level' }, line.level), h('span', {}, line.message))));

    // who has scrolled up reads there
    if (end) {
      lines.scrollTop = lines.scrollHeight;
    }
  }

  function tell(problem) {
    if (problem.name === 'AbortError') {
      return;
    }
    lines.hidden = problem.status === 404 || problem.status === 403;
    state.replaceChildren(h('div', { class: 'empty' }, h('p', {},
      problem.status === 404 ? 'This server keeps no log of jobs.'
        : `The log could not be read. ${problem.message}`)));
  }

  return { look };
}
