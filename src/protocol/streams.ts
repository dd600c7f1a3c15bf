import { z } from 'zod';
import { entrySchema } from './transcript.ts';
import { runStateSchema } from './states.ts';
import { statusMessageSchema } from './runs.ts';

/**
 * Server-sent events about one run. `Last-Event-ID` resumes either stream without a gap or a repeat; `?follow=false`
 * ends it at what there is now. A comment line every 15 s keeps an idle connection open.
 *
 * `GET /agent/runs/{id}/stream`, event names `state` and `entry`; it closes with `end` once the run is terminal. Its
 * event id is `<event sequence>.<entry index>`, the last of either that has been sent (-1 = none).
 *
 * `GET /agent/runs/{id}/console/stream`, event name `console`; it closes with `end` once the run is terminal and no
 * execution of it lives. Its event id is a number that rises with each chunk.
 */
export const runStreamEventSchema = z.discriminatedUnion('event', [
  z.object({
    event: z.literal('state'),
    data: z.object({
      sequence: z.int(),
      state: runStateSchema,
      status_message: statusMessageSchema.nullable(),
      occurred_at: z.string(),
    }),
  }),
  z.object({ event: z.literal('entry'), data: entrySchema }),
  z.object({ event: z.literal('end'), data: z.object({ state: runStateSchema }) }),
]);
export type RunStreamEvent = z.infer<typeof runStreamEventSchema>;

export const consoleStreams = ['setup', 'agent', 'teardown'] as const;
/** Which of a task's three commands wrote it. */
export const consoleStreamSchema = z.enum(consoleStreams);
export type ConsoleStream = z.infer<typeof consoleStreamSchema>;

export const consoleStreamEventSchema = z.discriminatedUnion('event', [
  z.object({
    event: z.literal('console'),
    data: z.object({
      stream: consoleStreamSchema,
      /** Bytes of this execution's stream before this chunk. */
      offset: z.int().min(0),
      /** Base64: raw output need not be UTF-8, and a chunk may end inside a character. */
      data: z.base64(),
    }),
  }),
  z.object({ event: z.literal('end'), data: z.object({ state: runStateSchema }) }),
]);
export type ConsoleStreamEvent = z.infer<typeof consoleStreamEventSchema>;
