// The names of documents, of which a job tells the id alone.

import { call } from './api.js';

const KEPT = 2000;
const AT_ONCE = 3;

const names = new Map();
const waiting = new Map();
let running = 0;

export function name(id) {
  return names.get(id) ?? null;
}

export function learn(document) {
  names.delete(document.documentId);
  names.set(document.documentId,
    document.filename ?? `Document ${document.documentId.slice(-6)}`);

  if (names.size > KEPT) {
    names.delete(names.keys().next().value);
  }
}

// The newest are asked for together, as a list begins with them.
export async function begin() {
  const list = await call('documents?limit=200');
  list.documents.forEach(learn);
}

// then() is called when the name is there.  Who asks last is served first:
// of those that were scrolled past nobody wants to know.
export function ask(id, then) {
  if (names.has(id)) {
    then();
    return;
  }

  waiting.delete(id);
  waiting.set(id, then);

  if (waiting.size > 60) {
    waiting.delete(waiting.keys().next().value);
  }
  next();
}

async function next() {
  if (running >= AT_ONCE || waiting.size === 0) {
    return;
  }

  const [id, then] = [...waiting].pop();

  waiting.delete(id);
  running++;

  try {
    learn(await call(`documents/${id}`));
  } catch (problem) {
    if (problem.status === 404) {
      learn({ documentId: id, filename: 'Deleted document' });
    }
  }

  running--;
  if (names.has(id)) {
    then();
  }
  next();
}
