// The text of a page, with a quote marked in it.

import { API, call } from './api.js';
import { attribute, focus, h, icon, say, tool } from './dom.js';

const PAGES = 24;     // that are kept

export function source(view, id, signal) {
  const wide = matchMedia('(min-width: 1080px)');
  const pages = new Map();
  const heading = h('h2', { tabindex: -1 }, 'Page');
  const note = h('p', { class: 'quiet' });
  const text = h('div', { class: 'paper', tabindex: 0, role: 'group',
    'aria-label': 'Text of the page' });
  const original = h('a', { class: 'button', target: '_blank', rel: 'noopener' },
    icon('open'), 'Original');
  const back = tool('back', 'Page before', () => turn(-1));
  const next = tool('next', 'Next page', () => turn(1));
  const element = h('aside', { class: 'source', hidden: true,
    'aria-label': 'Source', onkeydown: (event) => {
      if (event.key === 'Escape') {
        hide();
      }
    } }, h('header', {}, heading, back, next, original,
    tool('cancel', 'Close', hide)), note, text);
  let opened = null;
  let at = null;

  wide.addEventListener('change', place, { signal });

  // Beside the answers where there is room, else below the quote.
  function place() {
    if (!opened) {
      return;
    }
    if (wide.matches) {
      view.append(element);
    } else {
      opened.parentNode.append(element);
    }
  }

  function hide() {
    element.hidden = true;
    view.classList.remove('reading');
    attribute(opened, 'aria-expanded', 'false');
    if (opened.isConnected) {
      focus(opened);
    }
    opened = null;
  }

  async function show(piece, button) {
    if (opened) {
      attribute(opened, 'aria-expanded', 'false');
      if (opened === button) {
        hide();
        return;
      }
    }

    opened = button;
    attribute(button, 'aria-expanded', 'true');
    element.hidden = false;
    view.classList.add('reading');
    place();
    await read(piece.page, piece.quote, piece.verified);
    focus(heading);
    if (!wide.matches) {
      element.scrollIntoView({ block: 'nearest' });
    }
  }

  function turn(by) {
    read(at + by, null, true);
  }

  async function read(page, quote, verified) {
    at = page;
    say(heading, `Page ${page}`);
    attribute(original, 'href', `${API}documents/${id}/content#page=${page}`);
    attribute(back, 'disabled', page <= 1);
    attribute(text, 'aria-busy', 'true');

    let content;

    try {
      content = await get(page);
    } catch (problem) {
      if (problem.name !== 'AbortError') {
        text.replaceChildren();
        say(note, problem.status === 409 ? 'Its text is not there yet.'
          : problem.message);
      }
      return;
    }

    attribute(text, 'aria-busy', null);

    if (at !== page) {
      return;
    }
    if (content === null) {
      text.replaceChildren();
      say(note, 'There is no such page.');
      return;
    }
    write(content, quote, verified);
  }

  async function get(page) {
    if (!pages.has(page)) {
      const { pages: [found] } = await call(
        `documents/${id}/text?page=${page}`, { signal });
      pages.set(page, found ? found.text : null);
      if (pages.size > PAGES) {
        pages.delete(pages.keys().next().value);
      }
    }
    return pages.get(page);
  }

  function write(content, quote, verified) {
    const range = quote && find(content, quote);

    if (!range) {
      text.replaceChildren(content);
      text.scrollTop = 0;
      say(note, !quote ? '' : verified ? 'The quote is on this page.'
        : 'The quote does not stand on this page, nor on another one.');
      note.classList.toggle('bad', Boolean(quote) && !verified);
      return;
    }

    const mark = h('mark', {}, content.slice(range[0], range[1]));

    text.replaceChildren(content.slice(0, range[0]), mark,
      content.slice(range[1]));
    note.classList.remove('bad');
    say(note, 'The quote is marked.');
    text.scrollTop = mark.offsetTop - text.offsetTop - text.clientHeight / 3;
  }

  return { element, show };
}

// Where a quote stands, though spaces, hyphens, ligatures and quotation marks
// may be others: what is compared has none of these.
export function find(content, quote) {
  const [page, places] = folded(content);
  const [wanted] = folded(quote);
  const from = wanted ? page.indexOf(wanted) : -1;

  return from < 0 ? null
    : [places[from], places[from + wanted.length - 1] + 1];
}

const DROPPED = /[\s\p{Cf}\p{Pd}\p{Pi}\p{Pf}'"`´‚„]/u;

function folded(text) {
  const places = [];
  let out = '';
  let i = 0;

  for (const letter of text) {
    if (!DROPPED.test(letter)) {
      const plain = letter.normalize('NFKC').toLowerCase();
      out += plain;
      for (let k = 0; k < plain.length; k++) {
        places.push(i + (k > 0 ? letter.length - 1 : 0));
      }
    }
    i += letter.length;
  }
  return [out, places];
}
