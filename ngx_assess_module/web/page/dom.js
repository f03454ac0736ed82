// Elements, frames, and how numbers and times are written.

const SVG = 'http://www.w3.org/2000/svg';

// An element.  A property that begins with "on" is a listener; null, undefined
// and false are no attribute, true is one without a value.
export function h(tag, properties, ...children) {
  return fill(document.createElement(tag), properties, children);
}

export function svg(tag, properties, ...children) {
  return fill(document.createElementNS(SVG, tag), properties, children);
}

function fill(element, properties, children) {
  for (const [name, value] of Object.entries(properties ?? {})) {
    if (name.startsWith('on')) {
      element.addEventListener(name.slice(2), value);
    } else if (value !== null && value !== undefined && value !== false) {
      element.setAttribute(name, value === true ? '' : value);
    }
  }

  element.append(...children.flat().filter((child) =>
    child !== null && child !== undefined && child !== false));
  return element;
}

const ICONS = {
  cancel: 'M4 4l8 8M12 4l-8 8',
  retry: 'M12.5 8a4.5 4.5 0 1 1-1.4-3.3M12.5 2.5v3h-3',
  pause: 'M5.5 3.5v9M10.5 3.5v9',
  resume: 'M5 3.5l7 4.5-7 4.5z',
  back: 'M9.5 3.5L5 8l4.5 4.5',
  next: 'M6.5 3.5L11 8l-4.5 4.5',
  check: 'M3.5 8.5l3 3 6-7',
  open: 'M6 3.5H3.5v9h9V10M9 3.5h3.5V7M12.5 3.5L7.5 8.5',
};

export function icon(name) {
  return svg('svg', { viewBox: '0 0 16 16', width: 16, height: 16,
    class: 'icon', 'aria-hidden': 'true' }, svg('path', { d: ICONS[name] }));
}

// A small button of an icon alone; what it does is its name.
export function tool(name, label, onclick) {
  return h('button', { class: 'tool', type: 'button', 'aria-label': label,
    title: label.split(':')[0], onclick }, icon(name));
}

// What is already so is left alone: writing it again would cost a layout.
export function say(element, text) {
  if (element.firstChild?.nodeType === 3 && element.childNodes.length === 1) {
    if (element.firstChild.data !== text) {
      element.firstChild.data = text;
    }
  } else {
    element.textContent = text;
  }
}

export function attribute(element, name, value) {
  if (value === null || value === undefined || value === false) {
    element.removeAttribute(name);
  } else if (element.getAttribute(name) !== String(value)) {
    element.setAttribute(name, value);
  }
}

const wanted = new Set();

// Called once before the next frame is painted, however often it was asked.
export function frame(call) {
  if (wanted.size === 0) {
    requestAnimationFrame(() => {
      const calls = [...wanted];
      wanted.clear();
      for (const each of calls) {
        each();
      }
    });
  }
  wanted.add(call);
}

const voice = document.getElementById('voice');
let spoken = null;
let words = [];

// What a reader of the page by ear is told: some of it at a time.
export function announce(text) {
  words.push(text);
  spoken ??= setTimeout(() => {
    const more = words.length - 3;
    voice.textContent = words.slice(0, 3).join('. ')
      + (more > 0 ? `. And ${more} more.` : '.');
    words = [];
    spoken = null;
  }, 1200);
}

const whole = new Intl.NumberFormat('en');
const clock = new Intl.DateTimeFormat('en-GB', { hour: '2-digit',
  minute: '2-digit', second: '2-digit' });
const calendar = new Intl.DateTimeFormat('en-GB', { day: 'numeric',
  month: 'short', hour: '2-digit', minute: '2-digit' });

export function number(n) {
  return whole.format(n);
}

export function many(n, one, others = `${one}s`) {
  return `${number(n)} ${n === 1 ? one : others}`;
}

export function money(dollars) {
  if (dollars === 0) {
    return '$0';
  }
  return `$${dollars.toFixed(dollars >= 1 ? 2 : dollars >= 0.01 ? 3 : 4)}`;
}

export function span(seconds) {
  if (seconds < 1) {
    return `${Math.round(seconds * 1000)} ms`;
  }
  if (seconds < 9.95) {
    return `${seconds.toFixed(1)} s`;
  }
  if (seconds < 100) {
    return `${Math.round(seconds)} s`;
  }
  if (seconds < 6000) {
    return `${Math.round(seconds / 60)} min`;
  }
  return seconds < 172800 ? `${Math.round(seconds / 3600)} h`
    : `${Math.round(seconds / 86400)} d`;
}

function whole_span(seconds) {
  return seconds < 10 ? `${seconds} s` : span(seconds);
}

export function ago(time) {
  const seconds = Math.round((Date.now() - Date.parse(time)) / 1000);
  return seconds < 5 ? 'just now' : `${whole_span(seconds)} ago`;
}

export function ahead(time) {
  const seconds = Math.round((Date.parse(time) - Date.now()) / 1000);
  return seconds < 1 ? 'any moment' : `in ${whole_span(seconds)}`;
}

export function moment(time) {
  const date = new Date(time);
  return date.toDateString() === new Date().toDateString()
    ? clock.format(date) : calendar.format(date);
}

export function size(bytes) {
  return bytes < 1e6 ? `${Math.max(1, Math.round(bytes / 1e3))} KB`
    : `${(bytes / 1e6).toFixed(1)} MB`;
}

// The place of a focus that would be lost, and of one that moves with a view.
export function focus(element) {
  element.focus({ preventScroll: true });
}

const called = (element) => element.getAttribute('aria-label')
  ?? element.getAttribute('href') ?? element.textContent;

// Other children for an element.  A focus in there goes to the one of the same
// name, or in the same place; where there is none, to the view.
export function redraw(element, ...children) {
  const all = () => [...element.querySelectorAll('a[href], button, [tabindex]')];
  const held = document.activeElement;
  const place = all().indexOf(held);

  element.replaceChildren(...children);

  if (place >= 0) {
    const now = all();
    focus(now.find((each) => called(each) === called(held))
      ?? now[Math.min(place, now.length - 1)] ?? document.getElementById('view'));
  }
}

// Of pairs of a button and whether it is of use now, those that are not are
// hidden; a focus on one of them goes to one that is, or to what is given.
export function offer(pairs, otherwise) {
  const held = document.activeElement;

  for (const [button, useful] of pairs) {
    button.hidden = !useful;
  }
  if (pairs.some(([button, useful]) => button === held && !useful)) {
    focus(pairs.find(([, useful]) => useful)?.[0] ?? otherwise);
  }
}

// A button does one thing at a time.  It is not disabled meanwhile: it would lose
// the focus.
export async function once(button, run) {
  if (!button.hasAttribute('aria-disabled')) {
    attribute(button, 'aria-disabled', true);
    await run();
    attribute(button, 'aria-disabled', null);
  }
}
