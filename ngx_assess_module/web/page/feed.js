// What happens, as it happens: one connection for all that the page shows, in
// all of its tabs; and where no stream can be had, looking again and again.
//
// Those who listen get "event" (its type and data), "look" (read again what is
// shown: a gap, or a turn of polling) and "state".

import { Assess } from './assess.js';
import { API } from './api.js';

const client = new Assess({ url: API, pollInterval: 2500, staleAfter: 6000 });
const listeners = { event: new Set(), look: new Set(), state: new Set() };

let following = null;

// connecting, live, polling; or away, of which problem is the reason and since
// the moment when it was not yet so
export const feed = { state: 'connecting', since: Date.now(), problem: null };

export function on(kind, call, signal) {
  listeners[kind].add(call);
  signal?.addEventListener('abort', () => listeners[kind].delete(call));
}

function tell(kind, ...what) {
  for (const each of [...listeners[kind]]) {
    each(...what);
  }
}

export function open() {
  following?.close();
  following = client.follow({ all: true }, {
    onEvent: ({ type, data }) => type === 'reset' ? tell('look')
      : type !== 'connected' && tell('event', type, data),
    onCounters,
    onState,
    onError,
  });
}

// While nothing comes by itself counters are what is asked for.
function onCounters(counters) {
  tell('event', 'counters', counters);

  if (feed.state === 'polling') {
    tell('look');
  }
}

// Told after the state that it is the reason of.
function onError(error) {
  feed.problem = error;

  if (feed.state === 'away') {
    tell('state', feed);
  }
}

function onState({ source, stale }) {
  const now = stale ? 'away'
    : { stream: 'live', polling: 'polling', none: 'connecting' }[source];

  if (now === 'connecting' && feed.state === 'away') {
    return;
  }
  if (now !== feed.state) {
    feed.problem = now === 'away' ? feed.problem : null;
    feed.state = now;
    feed.since = Date.now();
    tell('state', feed);

    if (now === 'polling') {
      tell('look');
    }
  }
}

addEventListener('online', open);
