// A list of any length over the API's cursors.  It has as many elements as fit
// on the screen, and as many pages of rows as are near; of the others it knows
// where they begin.

import { attribute, frame, h } from './dom.js';

const PAGE = 100;
const NEAR = 1;          // pages that are kept on either side of what is seen
const SPARE = 4;         // rows that are made on either side
const POOL = 80;         // elements that are kept for other rows
const SLICE = 12;        // rows that are brought in within one frame
const PAUSE = 1500;      // ms between two refreshments

export class Rows {

  // body: the element that gets the rows; load(cursor, limit, signal) answers
  // { items, nextCursor, total }; key(item); create() and update(row, item)
  // are for elements; changed(rows) is told of the state as a whole
  constructor(options) {
    Object.assign(this, options);
    this.narrow = matchMedia('(max-width: 760px)');
    this.stop = new AbortController();
    this.pages = [{ cursor: null, items: null }];
    this.total = null;
    this.error = null;
    this.elements = new Map();
    this.pool = [];
    this.held = new Map();
    this.first = 0;
    this.last = 0;
    this.refreshed = 0;
    this.draw = () => this.paint();

    const on = { signal: this.stop.signal, passive: true };
    addEventListener('scroll', () => frame(this.draw), on);
    addEventListener('resize', () => frame(this.draw), on);
    this.narrow.addEventListener('change', () => this.measure(), on);
    this.body.addEventListener('keydown', (event) => this.key_down(event),
      { signal: this.stop.signal });
    this.measure();
    this.pump();
  }

  close() {
    this.stop.abort();
    clearTimeout(this.soon);
    this.closed = true;
  }

  measure() {
    this.height = this.narrow.matches ? this.heights[1] : this.heights[0];
    for (const element of this.elements.values()) {
      this.drop(element);
    }
    this.elements.clear();
    frame(this.draw);
  }

  item(index) {
    return this.pages[Math.floor(index / PAGE)]?.items?.[index % PAGE] ?? null;
  }

  // The item of this key, while it is held.
  get(key) {
    return this.held.get(key) ?? null;
  }

  patch(key, changes) {
    const item = this.held.get(key);
    if (item) {
      Object.assign(item, changes);
      this.touch();
    }
    return item;
  }

  // What is shown is to be written again.
  touch() {
    this.dirty = true;
    frame(this.draw);
  }

  // Some of it may have changed: what is seen is read again, soon.
  refresh(now = false) {
    if (this.soon || this.closed) {
      return;
    }
    this.soon = setTimeout(() => {
      this.soon = null;
      this.again = new Set(this.seen());
      this.pump();
    }, now ? 0 : Math.max(50, this.refreshed + PAUSE - Date.now()));
  }

  top() {
    return this.first === 0;
  }

  seen() {
    const from = Math.floor(this.first / PAGE);
    const to = Math.floor(Math.max(this.first, this.last - 1) / PAGE);
    return Array.from({ length: to - from + 1 }, (_, i) => from + i);
  }

  // One request at a time, for what is seen and not there.  The way to a page
  // whose beginning is not known leads through those before it.
  async pump() {
    if (this.busy || this.closed) {
      return;
    }

    const n = this.wanted();
    if (n === null) {
      return;
    }

    this.busy = true;
    this.again?.delete(n);

    try {
      const page = this.pages[n];
      const answer = await this.load(page.cursor, PAGE, this.stop.signal);
      this.error = null;
      this.refreshed = Date.now();
      this.take(n, answer);
    } catch (error) {
      if (error.name !== 'AbortError') {
        this.error = error;
        this.again = null;
      }
    }

    this.busy = false;

    if (!this.closed) {
      // on the way to another page there is nothing to be seen
      if (this.error || this.seen().includes(n)) {
        this.dirty = true;
        frame(this.draw);
        this.changed(this);
      }
      if (!this.error) {
        this.pump();
      }
    }
  }

  wanted() {
    for (const n of this.seen()) {
      if (n > 0 && this.total !== null && n * PAGE >= this.total) {
        continue;
      }
      if (!this.pages[n]) {
        return this.pages.length - 1;
      }
      if (!this.pages[n].items) {
        return n;
      }
    }
    for (const n of this.again ?? []) {
      if (this.pages[n]) {
        return n;
      }
    }
    return null;
  }

  take(n, { items, nextCursor, total }) {
    const next = this.pages[n + 1];

    this.pages[n].items = items;
    this.total = total ?? n * PAGE + items.length + (nextCursor ? PAGE : 0);

    if (nextCursor === null) {
      this.pages.length = n + 1;
      this.total = n * PAGE + items.length;
    } else if (!next || next.cursor !== nextCursor) {
      this.pages.length = n + 1;
      this.pages.push({ cursor: nextCursor, items: null });
    }

    this.forget();
  }

  forget() {
    const seen = this.seen();

    this.held.clear();
    this.places = new Map();
    this.pages.forEach((page, n) => {
      if (n < seen[0] - NEAR || n > seen.at(-1) + NEAR) {
        page.items = null;
      }
      page.items?.forEach((item, i) => {
        this.held.set(this.key(item), item);
        this.places.set(this.key(item), n * PAGE + i);
      });
    });
  }

  paint() {
    if (this.closed) {
      return;
    }

    const total = this.total ?? 12;
    const above = this.body.getBoundingClientRect().top;
    const first = Math.max(0, Math.floor(-above / this.height));
    const last = Math.min(total, Math.ceil((innerHeight - above) / this.height));
    const moved = first !== this.first || last !== this.last;

    this.first = Math.min(first, Math.max(0, total - 1));
    this.last = Math.max(last, 0);

    const height = `${total * this.height}px`;
    const dirty = this.dirty;

    if (this.body.style.height !== height) {
      this.body.style.height = height;
    }

    this.dirty = false;
    this.place(Math.max(0, first - SPARE), Math.min(total, last + SPARE), dirty);

    if (moved || dirty) {
      this.pump();
    }
  }

  drop(element) {
    element.remove();
    if (this.pool.length < POOL) {
      this.pool.push(element);
    }
  }

  // Rows that came in between move the others: an element goes where its item
  // went, so that a focus, or a finger, stays with what it is on.
  follow() {
    const elements = new Map();

    for (const [index, element] of this.elements) {
      const to = this.places.get(element.key);

      if (to === undefined) {
        this.drop(element);
      } else {
        if (to !== index) {
          this.put(element, to);
        }
        elements.set(to, element);
      }
    }
    this.elements = elements;
    this.places = null;
  }

  put(element, index) {
    element.style.transform = `translateY(${index * this.height}px)`;
    attribute(element, 'aria-rowindex', index + 2);
  }

  // An element that has the focus stays, wherever it is scrolled to.
  place(from, to, dirty) {
    if (this.places) {
      this.follow();
    }

    for (const [index, element] of this.elements) {
      if ((index < from || index >= to)
          && !element.contains(document.activeElement)) {
        this.drop(element);
        this.elements.delete(index);
      }
    }

    let before = null;
    let room = SLICE;

    for (let index = to - 1; index >= from; index--) {
      let element = this.elements.get(index);
      const known = element !== undefined;

      if (!known && room-- === 0) {
        this.dirty ||= dirty;
        frame(this.draw);
        break;
      }
      if (!known) {
        element = this.pool.pop() ?? this.create();
        this.put(element, index);
        this.elements.set(index, element);
        this.body.insertBefore(element, before);
      }
      before = element;

      if (dirty || !known || element.key === null) {
        this.show(element, this.item(index));
      }
    }
  }

  show(element, item) {
    element.classList.toggle('unknown', item === null);
    element.key = item ? this.key(item) : null;
    if (item) {
      this.update(element, item);
    }
  }

  // With the arrows from row to row, in the column that one is in.
  key_down(event) {
    const step = { ArrowDown: 1, ArrowUp: -1, PageDown: 10, PageUp: -10,
      Home: -Infinity, End: Infinity }[event.key];
    const row = event.target.closest('[role=row]');

    if (!step || !row || event.altKey || event.ctrlKey || event.metaKey) {
      return;
    }
    event.preventDefault();

    const index = row.ariaRowIndex - 2;
    const to = Math.min((this.total ?? 1) - 1, Math.max(0, index + step));
    const above = this.body.getBoundingClientRect().top + scrollY;
    const y = above + to * this.height;

    if (y < scrollY + 80) {
      scrollTo(scrollX, y - 80);
    } else if (y + this.height > scrollY + innerHeight) {
      scrollTo(scrollX, y + this.height - innerHeight + 8);
    }
    this.paint();
    this.elements.get(to)?.querySelector('a')?.focus({ preventScroll: true });
  }
}

// A table of divs, for rows that are placed by hand: its head and its body.
export function table(label, columns) {
  const body = h('div', { role: 'rowgroup', class: 'rows' });
  const head = h('div', { role: 'rowgroup', class: 'head' },
    h('div', { role: 'row', class: 'row', 'aria-rowindex': 1 },
      columns.map(([name, title]) => h('span', { role: 'columnheader',
        class: `c-${name}` }, title ? title
          : h('span', { class: 'aside-voice' }, 'Actions')))));
  const element = h('div', { role: 'table', class: 'table',
    'aria-label': label }, head, body);
  return { element, body };
}
