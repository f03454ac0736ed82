// The hooks of assess-hooks.js for the React that "react" names: a package, or
// in a page without a bundler an entry of its import map.

import * as React from 'react';
import { createHooks } from './assess-hooks.js';

export const { AssessProvider, useAssess, useBackgroundAssessment,
               useJobProgress, useBatchAssessment, useRealTimeCounters }
    = createHooks(React);
