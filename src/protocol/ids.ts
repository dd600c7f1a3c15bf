import { z } from 'zod';

/** A run's id, also called task id: a UUID in its plain lower-case form, so that it is always one path component. */
export const runIdSchema = z.uuid().lowercase().brand<'RunId'>();
export type RunId = z.infer<typeof runIdSchema>;

export const executionIdSchema = z.uuid().lowercase().brand<'ExecutionId'>();
export type ExecutionId = z.infer<typeof executionIdSchema>;

/**
 * The name a worker daemon goes by; several daemons may share one. Ids that start with `warp` are reserved by the
 * official protocol for hosted workers.
 */
export const workerIdSchema = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/, 'must be 1 to 128 letters, digits, dots, dashes or underscores')
  .refine((id) => !id.toLowerCase().startsWith('warp'), 'must not start with "warp": such ids are reserved');
