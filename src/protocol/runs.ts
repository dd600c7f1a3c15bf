import { z } from 'zod';
import { errorCodeSchema } from './errors.ts';
import { runIdSchema, workerIdSchema } from './ids.ts';
import { runStateSchema } from './states.ts';

/**
 * Runs as the published API describes them. Request objects are read leniently where an official client may be newer
 * than this server (unknown fields are dropped, never refused); what is known is checked.
 */

export const harnessTypes = ['oz', 'claude', 'codex', 'gemini', 'opencode', 'shell'] as const;
export const harnessTypeSchema = z.enum(harnessTypes);
export type HarnessType = z.infer<typeof harnessTypeSchema>;

const mcpServerSchema = z.looseObject({
  warp_id: z.string().optional(),
  command: z.string().optional(),
  args: z.array(z.string()).optional(),
  url: z.string().optional(),
  env: z.record(z.string(), z.string()).optional(),
  headers: z.record(z.string(), z.string()).optional(),
});

/** `config` of a request and `agent_config` of a run. */
export const agentConfigSchema = z.looseObject({
  name: z.string().max(256).optional(),
  model_id: z.string().optional(),
  base_prompt: z.string().optional(),
  environment_id: z.string().optional(),
  profile_id: z.string().optional(),
  skill_spec: z.string().optional(),
  mcp_servers: z.record(z.string(), mcpServerSchema).optional(),
  computer_use_enabled: z.boolean().optional(),
  /** Minutes that an agent waits for a follow-up after a turn, 1 to 60. */
  idle_timeout_minutes: z.int().min(1).max(60).optional(),
  /** The worker id to run on; absent, empty or `warp`: any worker of the team with room. */
  worker_host: z.union([workerIdSchema, z.literal('warp'), z.literal('')]).optional(),
  harness: z.looseObject({ type: harnessTypeSchema.optional() }).optional(),
  /** Ours: how often the agent may begin when the platform fails it, 1 to 10; absent, what the server is set to. */
  max_attempts: z.int().min(1).max(10).optional(),
});
export type AgentConfig = z.infer<typeof agentConfigSchema>;

/** Keys of 1 to 64 bytes, values of 256 at most, 20 of them at most. */
export const metadataSchema = z
  .record(z.string().regex(/^[A-Za-z0-9._-]{1,64}$/), z.string().max(256))
  .refine((metadata) => Object.keys(metadata).length <= 20, 'must have 20 keys at most');

/** The body of `POST /agent/runs`, 1 MiB of prompt at most. */
export const createRunSchema = z
  .object({
    prompt: z.string().max(1_048_576).optional(),
    skill: z.string().optional(),
    config: agentConfigSchema.optional(),
    title: z.string().max(512).optional(),
    team: z.boolean().optional(),
    agent_identity_uid: z.string().optional(),
    conversation_id: z.string().optional(),
    parent_run_id: runIdSchema.optional(),
    interactive: z.boolean().optional(),
    mode: z.enum(['normal', 'plan', 'orchestrate']).optional(),
    metadata: metadataSchema.optional(),
  })
  .refine((body) => Boolean(body.prompt?.trim() || body.skill || body.config?.skill_spec), {
    message: 'is required, unless a skill is given',
    path: ['prompt'],
  });
export type CreateRun = z.infer<typeof createRunSchema>;

export const createdRunSchema = z.object({
  run_id: runIdSchema,
  task_id: runIdSchema,
  state: runStateSchema,
  at_capacity: z.boolean().optional(),
});
export type CreatedRun = z.infer<typeof createdRunSchema>;

/** What made a run, as the API spells it. */
export const runSourceSchema = z.enum([
  'LINEAR',
  'API',
  'SLACK',
  'LOCAL',
  'SCHEDULED_AGENT',
  'WEB_APP',
  'GITHUB_ACTION',
  'CLOUD_MODE',
  'CLI',
]);
export type RunSource = z.infer<typeof runSourceSchema>;

export const statusMessageSchema = z.object({
  message: z.string(),
  error_code: errorCodeSchema.optional(),
  retryable: z.boolean().optional(),
});
export type StatusMessage = z.infer<typeof statusMessageSchema>;

const timestamp = z.iso.datetime({ offset: true });

/**
 * A run as `GET /agent/runs/{id}` shows it: what it has not got is left out, and null only where the published API says
 * so. A queued run says in `status_message` why it waits.
 */
export const runItemSchema = z.object({
  run_id: runIdSchema,
  task_id: runIdSchema,
  title: z.string(),
  state: runStateSchema,
  prompt: z.string(),
  created_at: timestamp,
  updated_at: timestamp,
  started_at: timestamp.nullable(),
  /** ISO-8601 duration from the first start to the end, or to now. */
  run_time: z.string().optional(),
  status_message: statusMessageSchema.optional(),
  source: runSourceSchema,
  execution_location: z.enum(['LOCAL', 'REMOTE']),
  creator: z.object({
    type: z.enum(['user', 'service_account']),
    uid: z.string(),
    display_name: z.string().optional(),
    email: z.string().optional(),
  }),
  agent_config: agentConfigSchema,
  conversation_id: z.string(),
  parent_run_id: runIdSchema.optional(),
  session_id: z.string().optional(),
  session_link: z.string().optional(),
  request_usage: z
    .object({ inference_cost: z.number(), compute_cost: z.number(), platform_cost: z.number() })
    .optional(),
  /** Whether an execution of the run holds a slot on a worker. */
  is_sandbox_running: z.boolean(),
  is_run_type_cancellable: z.boolean(),
  metadata: z.record(z.string(), z.string()),
  artifacts: z.array(z.unknown()),
  children: z.array(runIdSchema),
  last_event_sequence: z.int(),
  scope: z.object({ type: z.enum(['User', 'Team']), uid: z.string() }),
  /** Ours: what went wrong beside the outcome, such as a teardown; left out when nothing did. */
  warnings: z.array(z.string()).optional(),
});
export type RunItem = z.infer<typeof runItemSchema>;

/** The query of `GET /agent/runs`. The cursor is opaque and holds the order it was made for. */
export const listRunsQuerySchema = z.object({
  limit: z.coerce.number().int().min(1).max(500).default(20),
  cursor: z.string().optional(),
  sort_by: z.enum(['updated_at', 'created_at']).default('updated_at'),
  sort_order: z.enum(['asc', 'desc']).default('desc'),
  state: z.preprocess((value) => (typeof value === 'string' ? [value] : value), z.array(runStateSchema).optional()),
});
export type ListRunsQuery = z.infer<typeof listRunsQuerySchema>;

export const runListSchema = z.object({
  runs: z.array(runItemSchema),
  page_info: z.object({ has_next_page: z.boolean(), next_cursor: z.string().optional() }),
});
export type RunList = z.infer<typeof runListSchema>;
