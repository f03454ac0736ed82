// Types of assess-hooks.js.  React is whatever is passed in: its own types are
// not needed for these.

import type { Assess, Batch, BatchInput, BatchStarted, CallOptions, Counters,
              Job, JobStatus, BatchStatus, LineState, Results, Stage,
              StartInput, Started } from './assess.js';

interface Progress {
    job: Job | null;
    status: JobStatus | null;
    stage: Stage | null;
    step: string | null;
    /** 0 to 100 */
    progress: number;
    done: boolean;
    error: Error | null;
    source: LineState['source'];
    stale: boolean;
}

type Pending<Name> = Name | null;

export interface BackgroundAssessment extends Omit<Progress, 'status'> {
    jobId: string | null;
    status: JobStatus | 'idle' | 'starting';
    /** the call that is under way */
    pending: Pending<'start' | 'cancel' | 'retry'>;
    /** null when it failed: see error */
    start(input: StartInput): Promise<Started | null>;
    cancel(): Promise<Job | null> | null;
    retry(): Promise<Job | null> | null;
    results(options?: CallOptions): Promise<Results>;
    reset(): void;
}

type BatchCall = () => Promise<Batch | null> | null;

export interface BatchAssessment {
    batchId: string | null;
    batch: Batch | null;
    status: BatchStatus | null;
    /** 0 to 1 */
    progress: number;
    pending: Pending<'start' | 'pause' | 'resume' | 'cancel' | 'retryFailed'>;
    start(input: BatchInput): Promise<BatchStarted | null>;
    pause: BatchCall;
    resume: BatchCall;
    cancel: BatchCall;
    retryFailed: BatchCall;
    resultsUrl(format?: 'csv' | 'ndjson'): string | null;
    error: Error | null;
    source: LineState['source'];
    stale: boolean;
}

export interface RealTimeCounters {
    counters: Counters | null;
    error: Error | null;
    source: LineState['source'];
    stale: boolean;
}

export interface Hooks {
    AssessProvider(props: { client: Assess; children?: any }): any;
    useAssess(): Assess;
    useJobProgress(jobId: string | null | undefined): Progress;
    useBackgroundAssessment(options?: { jobId?: string | null }):
        BackgroundAssessment;
    useBatchAssessment(batchId?: string | null): BatchAssessment;
    useRealTimeCounters(): RealTimeCounters;
}

export function createHooks(React: object): Hooks;
