// What all parts use.

const FINAL = ['completed', 'failed', 'cancelled', 'budget_exceeded'];


export function isFinal(value) {
    return value.batchId && !value.jobId ? value.completedAt !== null
                                         : FINAL.includes(value.status);
}


// A problem (RFC 9457) that the server told, or status 0: it was not reached.
export class AssessError extends Error {
    constructor(status, problem = {}, options = {}) {
        super(problem.detail || problem.title || `HTTP status ${status}`,
              options);
        this.name = 'AssessError';
        this.status = status;
        this.title = problem.title ?? '';
        this.detail = problem.detail ?? '';
        this.pointers = (problem.errors ?? []).map((e) => e.pointer);
        this.problem = problem;
        this.retryAfter = options.retryAfter ?? null;
    }
}


export function parse(text) {
    try {
        return JSON.parse(text);
    } catch {
        return undefined;
    }
}


// crypto.randomUUID() is for secure contexts only, and Node 18 has none of it;
// these need be different, not secret
export function newId() {
    const bytes = new Uint8Array(16);

    if (globalThis.crypto) {
        crypto.getRandomValues(bytes);

    } else {
        bytes.forEach((_, i) => { bytes[i] = Math.random() * 256; });
    }

    return [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}


export function pause(ms, signal) {
    return new Promise((resolve, reject) => {
        const abort = () => {
            clearTimeout(timer);
            reject(signal.reason);
        };
        const timer = setTimeout(() => {
            signal?.removeEventListener('abort', abort);
            resolve();
        }, ms);

        if (signal?.aborted) {
            abort();
        }

        signal?.addEventListener('abort', abort, { once: true });
    });
}


// requests at once where states are read
const AT_ONCE = 6;


export async function each(items, run) {
    const rest = items.slice();
    const worker = async () => {
        while (rest.length) {
            await run(rest.shift());
        }
    };

    await Promise.all(Array.from({ length: Math.min(AT_ONCE, rest.length) },
                                 worker));
}
