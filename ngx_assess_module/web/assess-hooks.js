// React hooks over assess.js, for a React that is passed in:
//
//   const { useJobProgress } = createHooks(React);
//
// assess-react.js is the same for the React that "react" names.

import { Assess, isFinal } from './assess.js';

const IDLE = { source: 'none', stale: false };


export function createHooks(React) {
    const { createContext, createElement, useCallback, useContext, useEffect,
            useMemo, useRef, useState } = React;

    let standard;
    const Context = createContext(null);

    // Gives the hooks below it a client; without one they share another,
    // of the API that this file came from.
    function AssessProvider({ client, children }) {
        return createElement(Context.Provider, { value: client }, children);
    }

    function useAssess() {
        const client = useContext(Context);
        return client ?? (standard ??= new Assess());
    }

    // What is followed, as a state: at most one change a frame is shown.
    function useFollowing(target) {
        const assess = useAssess();
        const key = target && JSON.stringify(target);
        const [shown, setShown] = useState({ key, state: IDLE });

        useEffect(() => {
            if (!key) {
                return undefined;
            }

            let frame = null, now = { key, state: IDLE };

            const change = (what) => {
                now = { ...now, ...what };
                frame ??= nextFrame(() => {
                    frame = null;
                    setShown(now);
                });
            };

            const following = assess.follow(JSON.parse(key), {
                onJob: (job) => change({ job, error: null }),
                onBatch: (batch) => change({ batch, error: null }),
                onCounters: (counters) => change({ counters, error: null }),
                onState: (state) => change({ state }),
                onError: (error) => change({ error }),
            });

            change({ state: following.state });

            return () => {
                following.close();
                cancelFrame(frame);
            };
        }, [assess, key]);

        // what was shown of another target is not of this one
        return shown.key === key ? shown : { key, state: IDLE };
    }

    // Calls of one that is over, or of a component that is gone, are aborted.
    function useCalls() {
        const [call, setCall] = useState({ pending: null, error: null });
        const abort = useRef(null);

        useEffect(() => () => abort.current?.abort(), []);

        const run = useCallback(async (pending, what) => {
            abort.current?.abort();

            const own = new AbortController();
            abort.current = own;
            setCall({ pending, error: null });

            try {
                const value = await what({ signal: own.signal });
                setCall({ pending: null, error: null });
                return value;

            } catch (error) {
                if (!own.signal.aborted) {
                    setCall({ pending: null, error });
                }
                return null;
            }
        }, []);

        return [call, run, setCall];
    }

    // One job, as it goes.
    function useJobProgress(jobId) {
        const { job = null, state, error = null } =
            useFollowing(jobId ? { jobId } : null);

        return {
            job, error, source: state.source, stale: state.stale,
            status: job?.status ?? null, stage: job?.stage ?? null,
            step: job?.step ?? null, progress: job?.progress ?? 0,
            done: job !== null && isFinal(job),
        };
    }

    // Starts one and follows it.
    function useBackgroundAssessment({ jobId: first = null } = {}) {
        const assess = useAssess();
        const [jobId, setJobId] = useState(first);
        const [call, run, setCall] = useCalls();
        const progress = useJobProgress(jobId);

        const start = useCallback(async (input) => {
            const started = await run('start', (o) => assess.start(input, o));

            if (started) {
                setJobId(started.jobId);
            }
            return started;
        }, [assess, run]);

        const cancel = useCallback(() => jobId
            && run('cancel', (o) => assess.cancel(jobId, o)),
            [assess, jobId, run]);

        const retry = useCallback(() => jobId
            && run('retry', (o) => assess.retry(jobId, o)),
            [assess, jobId, run]);

        const results = useCallback((options) => assess.results(jobId, options),
                                    [assess, jobId]);

        const reset = useCallback(() => {
            setJobId(null);
            setCall({ pending: null, error: null });
        }, [setCall]);

        return {
            ...progress, jobId, start, cancel, retry, results, reset,
            pending: call.pending, error: call.error ?? progress.error,
            status: progress.status ?? (call.pending === 'start' ? 'starting'
                                        : jobId ? 'queued' : 'idle'),
        };
    }

    // A batch: one that there is, or one that start() makes.
    function useBatchAssessment(known = null) {
        const assess = useAssess();
        const [made, setMade] = useState(null);
        const [call, run] = useCalls();
        const batchId = made ?? known;
        const { batch = null, state, error = null } =
            useFollowing(batchId ? { batchId } : null);

        const start = useCallback(async (input) => {
            const started = await run('start',
                                      (o) => assess.batch.start(input, o));
            if (started) {
                setMade(started.batchId);
            }
            return started;
        }, [assess, run]);

        const calls = useMemo(() => Object.fromEntries(
            ['pause', 'resume', 'cancel', 'retryFailed'].map((name) =>
                [name, () => batchId && run(name, (o) =>
                    assess.batch[name](batchId, o))])),
            [assess, batchId, run]);

        return {
            batchId, batch, start, ...calls, pending: call.pending,
            error: call.error ?? error,
            progress: batch?.progress ?? 0, status: batch?.status ?? null,
            source: state.source, stale: state.stale,
            resultsUrl: (format) => batchId
                && assess.batch.resultsUrl(batchId, format),
        };
    }

    // The counts of documents and jobs, as they change.
    function useRealTimeCounters() {
        const assess = useAssess();
        const [read, setRead] = useState({});
        const { counters, state, error = null } = useFollowing({ all: true });

        // the stream tells them when they change; until then
        useEffect(() => {
            const abort = new AbortController();

            assess.counters({ signal: abort.signal }).then(
                (value) => setRead({ value }),
                (failed) => abort.signal.aborted || setRead({ failed }));

            return () => abort.abort();
        }, [assess]);

        return {
            counters: counters ?? read.value ?? null,
            error: error ?? (counters ? null : read.failed) ?? null,
            source: state.source, stale: state.stale,
        };
    }

    return { AssessProvider, useAssess, useBackgroundAssessment,
             useJobProgress, useBatchAssessment, useRealTimeCounters };
}


// a tab in the background has no frames
function nextFrame(run) {
    return globalThis.requestAnimationFrame && !globalThis.document?.hidden
        ? { frame: requestAnimationFrame(run) } : { timer: setTimeout(run, 50) };
}


function cancelFrame(handle) {
    if (handle?.frame) {
        cancelAnimationFrame(handle.frame);
    }
    clearTimeout(handle?.timer);
}
