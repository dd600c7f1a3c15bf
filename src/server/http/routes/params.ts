import { z } from 'zod';
import { runIdSchema } from '../../../protocol/ids.ts';

export const runParams = z.object({ runId: runIdSchema });
