// What happens, as it happens: one event stream for all of the page, and where
// it cannot be had, looking again and again.
//
// Those who listen get "event" (what the server sends), "look" (read again
// what is shown: a gap, or a turn of polling) and "state".

import { API, call } from './api.js';

const PATIENCE = 5000;      // ms for a stream to begin
const LOOK = 2500;          // ms between two turns of polling
const RETRY = 15000;        // ms until another stream is tried meanwhile
const SILENCE = 20000;      // ms after which the server is asked if it lives

const TYPES = ['connected', 'queued', 'progress', 'complete', 'error',
  'cancelled', 'batch', 'counters', 'reset'];

const listeners = { event: new Set(), look: new Set(), state: new Set() };

let source = null;
let last = null;
let heard = Date.now();
let patience, turn, retry;

// connecting, live, polling; away: nothing has been heard since then
export const feed = { state: 'connecting', since: Date.now() };

export function on(kind, call, signal) {
  listeners[kind].add(call);
  signal?.addEventListener('abort', () => listeners[kind].delete(call));
}

function tell(kind, ...what) {
  for (const each of listeners[kind]) {
    each(...what);
  }
}

function state(now) {
  if (feed.state !== now) {
    feed.state = now;
    feed.since = now === 'away' ? heard : Date.now();
    tell('state', feed);
  }
}

export function open() {
  close();

  const from = last ? `?lastEventId=${last}` : '';
  source = new EventSource(`${API}assessments/progress${from}`);

  for (const type of TYPES) {
    source.addEventListener(type, take);
  }
  source.onerror = broken;
  patience = setTimeout(poll, PATIENCE);
}

function close() {
  source?.close();
  source = null;
  clearTimeout(patience);
  clearTimeout(retry);
}

function take(event) {
  // the browser's own "error" has no data
  if (event.data === undefined) {
    return;
  }

  heard = Date.now();
  last = event.lastEventId || last;

  if (feed.state !== 'live') {
    const gap = feed.state !== 'connecting';
    clearTimeout(patience);
    clearTimeout(turn);
    patience = turn = null;
    state('live');
    if (gap) {
      tell('look');
    }
  }

  if (event.type === 'reset') {
    last = null;
    tell('look');
  } else if (event.type !== 'connected') {
    tell('event', event.type, JSON.parse(event.data));
  }
}

// EventSource comes back by itself, but for a stream that was refused.
function broken() {
  patience ??= setTimeout(poll, PATIENCE);

  if (source.readyState === EventSource.CLOSED) {
    close();
    patience = setTimeout(poll, PATIENCE);
    retry = setTimeout(open, 1000);
  }
}

async function poll() {
  clearTimeout(turn);
  turn = null;

  if (source && !retry) {
    retry = setTimeout(() => {
      retry = null;
      open();
    }, RETRY);
  }

  if (await counters() && feed.state !== 'live') {
    state('polling');
    tell('look');
  }

  if (feed.state !== 'live') {
    turn = setTimeout(poll, document.hidden ? 4 * LOOK : LOOK);
  }
}

async function counters() {
  try {
    const data = await call('assessments/counters',
      { signal: AbortSignal.timeout(10000) });
    heard = Date.now();
    tell('event', 'counters', data);
    return true;
  } catch (problem) {
    feed.problem = problem;
    if (feed.state !== 'live' || Date.now() - heard > SILENCE) {
      state('away');
    }
    return false;
  }
}

export function again() {
  open();
  poll();
}

// A connection can be dead without a word.
setInterval(() => {
  if (feed.state === 'live' && Date.now() - heard > SILENCE
      && !document.hidden) {
    counters().then((alive) => {
      if (!alive) {
        open();
        poll();
      }
    });
  }
}, 5000);

addEventListener('online', again);
document.addEventListener('visibilitychange', () => {
  if (!document.hidden && feed.state !== 'live') {
    again();
  }
});
addEventListener('pagehide', close);
addEventListener('pageshow', (event) => {
  if (event.persisted) {
    again();
  }
});
