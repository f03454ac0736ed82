// Types of assess.js.

export type JobStatus = 'queued' | 'processing' | 'completed' | 'failed'
    | 'cancelled' | 'budget_exceeded';

export type Stage = 'extracting' | 'vector_lookup' | 'llm_processing'
    | 'finalizing';

export type BatchStatus = 'queued' | 'processing' | 'paused' | 'completed'
    | 'cancelled' | 'budget_exceeded';

export type Verdict = 'compliant' | 'partially_compliant' | 'non_compliant'
    | 'not_applicable' | 'insufficient_evidence';

/** what an estimate was made of; null without one */
export type EstimateQuality = 'guess' | 'fair' | 'good' | null;

export interface Tokens { input: number; output: number }

export interface Job {
    jobId: string;
    assessmentId: string;
    documentId: string;
    batchId: string | null;
    user: string | null;
    status: JobStatus;
    stage: Stage | null;
    /** what is being done, where an event told it */
    step?: string;
    /** 0 to 100 */
    progress: number;
    totalBatches: number;
    completedBatches: number;
    queuePosition: number | null;
    attempt: number;
    priority: number;
    estimatedCompletion: string | null;
    estimateQuality: EstimateQuality;
    tokens: Tokens;
    cost: number;
    /** of the price list that cost was counted by */
    priceVersion: string | null;
    maxCost: number | null;
    error: { code: string; message: string } | null;
    createdAt: string;
    startedAt: string | null;
    completedAt: string | null;
    metadata: Record<string, unknown>;
}

export interface Batch {
    batchId: string;
    user: string | null;
    status: BatchStatus;
    totalDocuments: number;
    completedDocuments: number;
    failedDocuments: number;
    cancelledDocuments: number;
    /** 0 to 1 */
    progress: number;
    tokens: Tokens;
    cost: number;
    estimatedCost: number | null;
    maxCost: number | null;
    priority: number;
    metadata: Record<string, unknown>;
    estimatedCompletion: string | null;
    estimateQuality: EstimateQuality;
    /** within which it is nine of ten times */
    estimatedRange: { earliest: string; latest: string } | null;
    createdAt: string;
    startedAt: string | null;
    completedAt: string | null;
}

export interface Document {
    documentId: string;
    filename: string | null;
    contentType: string;
    bytes: number;
    sha256: string;
    pages: number | null;
    createdAt: string;
    status: 'not_reviewed' | 'processing' | 'reviewed';
}

export interface Evidence { quote: string; page: number; verified: boolean }

export interface Answer {
    questionId: string;
    verdict: Verdict;
    confidence: number;
    rationale: string;
    evidence: Evidence[];
    provider: string;
    model: string;
    cached: boolean;
}

export interface Results {
    jobId: string;
    assessmentId: string;
    documentId: string;
    questionSet: { name: string; version: number };
    complete: boolean;
    summary: Record<Verdict, number>;
    answers: Answer[];
}

export interface Counters {
    totalDocs: number;
    reviewed: number;
    notReviewed: number;
    processing: number;
    queued: number;
    failed: number;
}

export interface Estimate {
    documents: number;
    inputTokens: number;
    outputTokens: number;
    /** null: the model has no price */
    estimatedCost: number | null;
    recommendedBudget: number | null;
    estimatedSeconds: number;
    /** whether that model has answered here before */
    measured: boolean;
    priceVersion: string | null;
    breakdown: Array<{ documentType: string; count: number;
                       costPerDocument: number | null; cost: number | null }>;
}

export interface LogLine { timestamp: string; level: string; message: string }

interface Asked {
    /** a name, or name@version */
    questionSet: string;
    priority?: number;
    provider?: string;
    model?: string;
    maxCost?: number;
    callbackUrl?: string;
    metadata?: Record<string, unknown>;
}

export type StartInput = Asked & (
    | { documentId: string; file?: undefined; url?: undefined }
    /** where the server fetches it from: https, http or s3 */
    | { url: string; filename?: string; documentId?: undefined;
        file?: undefined }
    | { file: Blob; filename?: string; documentId?: undefined;
        url?: undefined });

export type EstimateInput = Asked & (
    | { documentId: string; documentIds?: undefined }
    | { documentIds: string[]; notifyEmail?: string; documentId?: undefined });

export interface BatchInput extends Asked {
    documentIds: string[];
    notifyEmail?: string;
}

export interface Started {
    jobId: string;
    assessmentId: string;
    documentId: string;
    status: JobStatus;
    statusUrl: string;
    progressUrl: string;
    resultsUrl: string;
}

export interface BatchStarted {
    batchId: string;
    status: BatchStatus;
    totalDocuments: number;
    statusUrl: string;
    progressUrl: string;
    resultsUrl: string;
}

/** A problem as the server told it, or as near as can be where it did not. */
export interface Problem {
    type?: string;
    title?: string;
    status?: number;
    detail?: string;
    instance?: string;
    errors?: Array<{ pointer: string; detail: string }>;
}

export class AssessError extends Error {
    constructor(status: number, problem?: Problem,
                options?: ErrorOptions & { retryAfter?: number | null });

    /** of HTTP; 0 when the server was not reached */
    readonly status: number;
    readonly title: string;
    readonly detail: string;
    /** JSON pointers to what is wrong in the body */
    readonly pointers: string[];
    readonly problem: Problem;
    /** seconds */
    readonly retryAfter: number | null;
}

export interface CallOptions { signal?: AbortSignal }

type HeaderValues = Record<string, string>;

export interface AssessOptions {
    /** of the API; without it that which this module came from */
    url?: string;
    /** sent with each request, or a function that gives them; streams are
        read by fetch then */
    headers?: HeaderValues | (() => HeaderValues | Promise<HeaderValues>);
    credentials?: RequestCredentials;
    fetch?: typeof fetch;
    /** another EventSource */
    EventSource?: unknown;
    /** false: no connection is shared with other tabs; a name: with those of
        the same name only, also where there are headers */
    share?: false | string;
    /** milliseconds, all of them */
    pollInterval?: number;
    connectTimeout?: number;
    quietTimeout?: number;
    staleAfter?: number;
    retryStream?: number;
}

export type Target = string | string[] | {
    jobId?: string | string[];
    batchId?: string | string[];
    documentId?: string | string[];
    all?: boolean;
};

export interface AssessEvent {
    /** '' for what is no event of the log */
    id: string;
    /** "state": it was read, not told */
    type: 'queued' | 'progress' | 'complete' | 'error' | 'cancelled' | 'batch'
        | 'reset' | 'state';
    data: Record<string, unknown>;
}

export interface LineState {
    source: 'none' | 'stream' | 'polling';
    /** what is shown may be old: the server does not answer */
    stale: boolean;
}

export interface FollowOptions extends CallOptions {
    onJob?(job: Job): void;
    onBatch?(batch: Batch): void;
    /** with { all: true } */
    onCounters?(counters: Counters): void;
    onEvent?(event: AssessEvent): void;
    onState?(state: LineState): void;
    onError?(error: Error): void;
}

export interface Following {
    readonly keys: string[];
    readonly state: LineState;
    readonly closed: boolean;
    /** as they are known now */
    readonly values: Array<Job | Batch>;
    /** when all of the jobs and batches have ended, however they did */
    readonly finished: Promise<Array<Job | Batch>>;
    close(): void;
}

export class Assess {
    constructor(options?: AssessOptions);

    readonly url: string;

    start(input: StartInput, options: CallOptions
          & { wait: number; idempotencyKey?: string }): Promise<Started | Job>;
    start(input: StartInput, options?: CallOptions
          & { idempotencyKey?: string }): Promise<Started>;
    upload(files: Blob | Iterable<Blob>, options?: CallOptions):
        Promise<Document[]>;
    job(jobId: string, options?: CallOptions): Promise<Job>;
    jobs(filter?: { status?: JobStatus; batchId?: string; documentId?: string;
                    user?: string; limit?: number; cursor?: string },
         options?: CallOptions):
        Promise<{ jobs: Job[]; nextCursor: string | null; total: number }>;
    results(jobId: string, options?: CallOptions): Promise<Results>;
    resultsUrl(jobId: string, format?: 'csv' | 'ndjson' | 'json'): string;
    logs(jobId: string, paging?: { limit?: number; cursor?: string },
         options?: CallOptions):
        Promise<{ lines: LogLine[]; nextCursor: string | null }>;
    cancel(jobId: string, options?: CallOptions): Promise<Job>;
    retry(jobId: string, options?: CallOptions): Promise<Job>;
    counters(options?: CallOptions): Promise<Counters>;
    estimate(input: EstimateInput, options?: CallOptions):
        Promise<Estimate>;

    readonly batch: {
        start(input: BatchInput, options?: CallOptions
              & { idempotencyKey?: string }): Promise<BatchStarted>;
        get(batchId: string, options?: CallOptions): Promise<Batch>;
        list(filter?: { status?: BatchStatus; limit?: number; cursor?: string },
             options?: CallOptions):
            Promise<{ batches: Batch[]; nextCursor: string | null;
                      total: number }>;
        pause(batchId: string, options?: CallOptions): Promise<Batch>;
        resume(batchId: string, options?: CallOptions): Promise<Batch>;
        retryFailed(batchId: string, options?: CallOptions): Promise<Batch>;
        cancel(batchId: string, options?: CallOptions): Promise<Batch>;
        resultsUrl(batchId: string, format?: 'csv' | 'ndjson'): string;
    };

    follow(target: Target, options?: FollowOptions): Following;

    /** Ends all that is followed. */
    close(): void;
}

export function isFinal(value: Job | Batch): boolean;
