// Calls of the API.  What it refuses is a Problem, with a sentence in it.

export const API = document.documentElement.dataset.api;

export class Problem extends Error {
  constructor(status, detail, body) {
    super(detail);
    this.status = status;
    this.errors = body?.errors ?? [];
  }
}

export async function call(path, { method = 'GET', json, signal } = {}) {
  let answer;

  try {
    answer = await fetch(API + path, {
      method,
      signal,
      cache: 'no-store',
      headers: json ? { 'Content-Type': 'application/json' } : {},
      body: json ? JSON.stringify(json) : undefined,
    });
  } catch (error) {
    if (error.name === 'AbortError') {
      throw error;
    }
    throw new Problem(0, 'The server cannot be reached.');
  }

  return read(answer.status, await answer.text().catch(() => ''));
}

function read(status, text) {
  let body = null;

  try {
    body = text ? JSON.parse(text) : null;
  } catch {
    // an answer of something on the way: its status says what there is to say
  }

  if (status >= 400 || (text && body === null)) {
    throw new Problem(status, sentence(status, body), body);
  }
  return body;
}

function sentence(status, body) {
  const parts = (body?.errors ?? []).map((each) => each.detail);
  return [body?.detail ?? `The server answered ${status}.`, ...parts]
    .join(' ');
}

// A form, with how much of it is out: what fetch() does not tell.
export function send(path, form, onprogress) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();

    request.open('POST', API + path);
    request.setRequestHeader('Idempotency-Key', key());
    request.upload.onprogress = (event) =>
      onprogress(event.total ? event.loaded / event.total : 0);
    request.onerror = () =>
      reject(new Problem(0, 'The server cannot be reached.'));
    request.onload = () => {
      try {
        resolve(read(request.status, request.responseText));
      } catch (problem) {
        reject(problem);
      }
    };
    request.send(form);
  });
}

// randomUUID() is for secure origins alone, and this page need not be one
function key() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)),
    (byte) => byte.toString(16).padStart(2, '0')).join('');
}
