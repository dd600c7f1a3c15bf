import { z } from 'zod';
import { reportTurnSchema } from './agent-calls.ts';
import { appendEntriesSchema } from './transcript.ts';

/**
 * What an agent could not say to the server while it lived, left for its worker to say after its end, with the agent's
 * own token. A worker of ours names a folder to an agent of ours (`unsentFlag`, after all that the worker protocol knows);
 * in it the agent appends calls to one file, as JSON a line, in the order in which the server is to hear them.
 *
 * A call may stand there though the server has heard it: every call of an agent may be repeated. The file is gone when
 * there is nothing left to say. A last line without its end was being written when the agent was killed.
 */
export const unsentFlag = '--unsent-folder';
export const unsentFile = 'calls.jsonl';
/** Bytes of one line, at most: several times what a delivery of the transcript may hold. */
export const maxUnsentLine = 16 * 1024 * 1024;

export const unsentCallSchema = z.discriminatedUnion('call', [
  z.strictObject({ call: z.literal('append_entries'), entries: appendEntriesSchema.shape.entries }),
  z.strictObject({ call: z.literal('report_turn'), turn: z.int().min(1), report: reportTurnSchema }),
]);
export type UnsentCall = z.infer<typeof unsentCallSchema>;
