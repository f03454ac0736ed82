// Types of assess-react.js.

import type { Hooks } from './assess-hooks.js';

export type { BackgroundAssessment, BatchAssessment, Hooks, RealTimeCounters }
    from './assess-hooks.js';

export const AssessProvider: Hooks['AssessProvider'];
export const useAssess: Hooks['useAssess'];
export const useJobProgress: Hooks['useJobProgress'];
export const useBackgroundAssessment: Hooks['useBackgroundAssessment'];
export const useBatchAssessment: Hooks['useBatchAssessment'];
export const useRealTimeCounters: Hooks['useRealTimeCounters'];
