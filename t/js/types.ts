// Compiled, never run: what the types must allow, and what they must not.

import { Assess, AssessError, isFinal }
    from '../../ngx_assess_module/web/assess.js';
import type { Batch, Counters, Job }
    from '../../ngx_assess_module/web/assess.js';
import { createHooks } from '../../ngx_assess_module/web/assess-hooks.js';
import { useBackgroundAssessment, useBatchAssessment, useJobProgress,
         useRealTimeCounters }
    from '../../ngx_assess_module/web/assess-react.js';

const assess = new Assess({ url: 'http://127.0.0.1/api',
                            headers: async () => ({ 'X-Tenant': 'a' }) });
const abort = new AbortController();

export async function client(file: File): Promise<Job[]> {
    const started = await assess.start({ file, questionSet: 'fire@2',
        maxCost: 1.5, metadata: { a: [1] } }, { signal: abort.signal });
    await assess.start({ documentId: 'x', questionSet: 'fire' },
                       { idempotencyKey: 'k' });

    await assess.start({ url: 'https://a/b', questionSet: 'fire' });
    await assess.upload(document.querySelector('input')!.files!);

    const following = assess.follow({ jobId: [started.jobId], all: true }, {
        signal: abort.signal,
        onJob: (job) => { const percent: number = job.progress; void percent; },
        onCounters: (counters) => { const n: number = counters.queued; void n; },
        onState: ({ source, stale }) => {
            const known: 'none' | 'stream' | 'polling' = source;
            void [known, stale];
        },
    });
    const values: Array<Job | Batch> = await following.finished;
    const { batchId } = await assess.batch.start({ documentIds: ['x'],
                                                   questionSet: 'fire' });
    const batch: Batch = await assess.batch.pause(batchId);
    const url: string = assess.batch.resultsUrl(batchId, 'ndjson');
    const verdict = (await assess.results(started.jobId)).answers[0]?.verdict;

    const [price, quality, latest]: Array<string | null | undefined> =
        [started.jobId && (await assess.job(started.jobId)).priceVersion,
         batch.estimateQuality, batch.estimatedRange?.latest];
    const { measured, estimatedCost } = await assess.estimate(
        { documentIds: ['x'], questionSet: 'fire' });
    const dear: boolean = measured && (estimatedCost ?? 0) > 1;

    void [price, quality, latest, dear, values, batch, url,
          verdict === 'compliant', isFinal(batch)];

    return (await assess.jobs({ status: 'failed' })).jobs;
}

export function failed(error: unknown): string[] {
    return error instanceof AssessError && error.status === 422
        ? error.pointers : [];
}

export function hooks() {
    const { start, job, status, pending } = useBackgroundAssessment();
    const counters: Counters | null = useRealTimeCounters().counters;
    const { progress, done } = useJobProgress(job?.jobId);
    const { pause, batch } = useBatchAssessment();

    void [start, counters, progress > 1, done, pause, batch?.totalDocuments,
          status === 'starting', pending === 'retry',
          createHooks({}).useAssess().url];
}

export function wrong() {
    // @ts-expect-error: a document is missing
    void assess.start({ questionSet: 'fire' });
    // @ts-expect-error: both
    void assess.start({ documentId: 'x', file: new Blob(), questionSet: 'f' });
    // @ts-expect-error: what is not there yet cannot be estimated
    void assess.estimate({ file: new Blob(), questionSet: 'f' });
    // @ts-expect-error: there is no such status
    void assess.jobs({ status: 'done' });
    // @ts-expect-error: a format of a batch
    void assess.batch.resultsUrl('x', 'json');
    // @ts-expect-error: no such target
    assess.follow({ users: ['x'] });
    // @ts-expect-error: it may be null
    void useJobProgress('x').job.status;
}
