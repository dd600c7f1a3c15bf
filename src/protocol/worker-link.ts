import { z } from 'zod';
import { executionIdSchema, runIdSchema } from './ids.ts';
import { consoleStreamSchema } from './streams.ts';

/**
 * The link between a worker daemon and the server: `GET /api/v1/selfhosted/worker/ws?worker_id=…`, a WebSocket with
 * `Authorization: Bearer <key>`, one JSON object a text frame, `{type, data}`.
 *
 * Life of a task on it: `task_assignment` → `task_claimed` | `task_rejected`; then exactly one of `task_completed` and
 * `task_failed`. `task_cancellation` asks for an early end and gets no answer of its own. In the stock protocol there is
 * no hello: tasks run on through a disconnect, and what a daemon queued meanwhile arrives on its next connection.
 *
 * A daemon that asks for the subprotocol `oz-worker.v2` speaks the second protocol where the server's answer chooses it,
 * and the stock protocol where it does not:
 *
 * ```
 * hello → welcome → (assignments, claims, console, …) → close
 * ```
 *
 * - `hello` is the daemon's first message. It names every execution that the daemon still has, those included whose end
 *   the server has not acknowledged; what it does not name, it has not got. The server sends nothing before `welcome`,
 *   which says of each of them whether it goes on.
 * - What the daemon says of a task carries a `message_id` beside `type` and names its `execution_id`. The server answers
 *   `ack` once it is committed; until then the daemon keeps it on disk and says it again on its next connection, so
 *   that everything is said at least once, in its order for each task. Whoever hears it twice does nothing the second time.
 * - Anything that the daemon sends renews the lease of all that it has; it sends a `heartbeat` three times a lease. The
 *   connection's end alone changes nothing until the lease is over.
 * - Room is announced, in `hello` and `capacity`. A daemon that drains is offered nothing.
 */
export const workerLinkPath = '/api/v1/selfhosted/worker/ws';
export const workerLinkV2 = 'oz-worker.v2';

/** Why a task ended badly, as the worker saw it. */
export const failureReasons = [
  'unknown',
  'task_timeout',
  'task_cancelled',
  'graceful_shutdown',
  'image_pull',
  'sidecar_prep',
  'container_create',
  'container_start',
  'container_wait',
  'container_exit',
  'container_oom',
  'workspace_setup',
  'setup_command',
  'agent_invocation',
  'dispatch_command',
  'dispatch_timeout',
  'job_create',
  'job_watch',
  'job_failed',
  'evicted',
  'pod_watch',
  'unschedulable',
  'volume_mount',
  'init_container',
  'invalid_image',
  'active_deadline',
  // Ours; a server that does not know them takes them for `unknown`.
  'process_limit',
  'output_limit',
] as const;
export type FailureReason = (typeof failureReasons)[number];

/** The run's configuration as an assignment carries it; a missing field is left out, never null. */
export const configSnapshotSchema = z.looseObject({
  environment_id: z.string().optional(),
  base_prompt: z.string().optional(),
  model_id: z.string().optional(),
  profile_id: z.string().optional(),
  skill_spec: z.string().optional(),
  mcp_servers: z.record(z.string(), z.unknown()).optional(),
  computer_use_enabled: z.boolean().optional(),
  idle_timeout_minutes: z.int().optional(),
  harness: z.looseObject({ type: z.string().optional() }).optional(),
  inference_providers: z
    .looseObject({
      aws: z
        .looseObject({
          disabled: z.boolean().optional(),
          role_arn: z.string().optional(),
          region: z.string().optional(),
        })
        .optional(),
    })
    .optional(),
  session_sharing: z.looseObject({ public_access: z.enum(['VIEWER', 'EDITOR']).optional() }).optional(),
  snapshot_disabled: z.boolean().optional(),
  snapshot_upload_timeout_secs: z.int().optional(),
  snapshot_script_timeout_secs: z.int().optional(),
});
export type ConfigSnapshot = z.infer<typeof configSnapshotSchema>;

/** `task.id` equals `task_id`; `env_vars` carries the task's own `WARP_API_KEY`. */
export const assignmentSchema = z.looseObject({
  task_id: runIdSchema,
  execution_id: executionIdSchema.optional(),
  task: z.looseObject({
    id: runIdSchema,
    title: z.string(),
    task_definition: z.looseObject({ prompt: z.string() }),
    created_at: z.string(),
    updated_at: z.string(),
    owner: z.object({ Type: z.enum(['USER', 'TEAM']), Id: z.int() }).optional(),
    agent_config_snapshot: configSnapshotSchema.optional(),
    agent_conversation_id: z.string().optional(),
  }),
  docker_image: z.string().optional(),
  sidecar_image: z.string().optional(),
  env_vars: z.record(z.string(), z.string()).optional(),
  additional_sidecars: z
    .array(z.looseObject({ image: z.string(), mount_path: z.string(), read_write: z.boolean() }))
    .optional(),
  additional_oz_args: z.array(z.string()).optional(),
  instance_shape: z.looseObject({ vcpus: z.number().optional(), memory_gb: z.number().optional() }).optional(),
  /**
   * v2: another attempt may start elsewhere when this worker has not reached the server for longer than this. It ends the
   * task by its own clock before, counted from when it sent what the server answered last: that a message of the server's
   * arrives does not say that the server hears.
   */
  fence_after_seconds: z.int().positive().optional(),
});
export type Assignment = z.infer<typeof assignmentSchema>;

/** One execution as v2 names it: the fence of its own that a task id lacks. */
const executionSchema = z.object({ task_id: runIdSchema, execution_id: executionIdSchema });
export type ExecutionIds = z.infer<typeof executionSchema>;

const welcomeSchema = z.object({
  /** How long the daemon may be silent before its executions are shown as unreachable. */
  lease_seconds: z.number().positive(),
  /** One for each execution of `hello`. */
  executions: z.array(
    executionSchema.extend({
      /** `end`: it is over or fenced for the server; the daemon ends what it has of it, and runs its teardown. */
      verdict: z.enum(['continue', 'end']),
      /** Bytes of each stream that are stored for good: console goes on from there. */
      console: z.partialRecord(consoleStreamSchema, z.int().min(0)),
    }),
  ),
});
export type Welcome = z.infer<typeof welcomeSchema>;

export const serverMessageSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('task_assignment'), data: assignmentSchema }),
  /** v2 names the execution as well: the daemon ends no other one. */
  z.object({
    type: z.literal('task_cancellation'),
    data: z.looseObject({ task_id: runIdSchema, execution_id: executionIdSchema.optional() }),
  }),
  /** All that follow: v2 only. */
  z.object({ type: z.literal('welcome'), data: welcomeSchema }),
  z.object({ type: z.literal('ack'), data: z.object({ message_id: z.int().positive() }) }),
  /** The task's agent has answered and waits for a follow-up. Its slot may be asked for. */
  z.object({ type: z.literal('task_idle'), data: executionSchema }),
  /** A follow-up has come: its slot is in use again. */
  z.object({ type: z.literal('task_resumed'), data: executionSchema }),
  /** Another run waits for the idle task's slot: the daemon lets its agent end, and ends it `RELEASED`. */
  z.object({ type: z.literal('leave_idle'), data: executionSchema }),
  /** `offset`: bytes of the stream stored for good; the worker goes on from there. */
  z.object({
    type: z.literal('console_ack'),
    data: executionSchema.extend({ stream: consoleStreamSchema, offset: z.int().min(0) }),
  }),
]);
export type ServerMessage = z.infer<typeof serverMessageSchema>;

/** Bytes of console in one message, before base64, at most. */
export const maxConsoleChunk = 65_536;

/** `execution_id` and `message_id` are said by v2 daemons alone. */
const ofTask = { task_id: runIdSchema, execution_id: executionIdSchema.optional() };
const message_id = z.int().positive().optional();
/** v2: what went wrong with the task's teardown, as a sentence; no part of its outcome. */
const teardown_problem = z.string().optional();

/** Tasks at once; null is no limit. */
const capacitySchema = z.object({
  max_concurrent_tasks: z.int().positive().nullable(),
  draining: z.boolean(),
  /** What keeps it from taking anything for now, in words that could follow "because". */
  problem: z.string().max(500).optional(),
});
export type Capacity = z.infer<typeof capacitySchema>;

const helloSchema = capacitySchema.extend({
  /** Of this daemon's state folder; a restart keeps it. */
  instance_id: z.uuid(),
  version: z.string(),
  backend: z.string(),
  executions: z.array(executionSchema),
});
export type Hello = z.infer<typeof helloSchema>;

export const workerMessageSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('task_claimed'), message_id, data: z.looseObject({ ...ofTask, worker_id: z.string() }) }),
  z.object({
    type: z.literal('task_completed'),
    message_id,
    data: z.looseObject({
      ...ofTask,
      message: z.string(),
      /** `CANCELLED` when a cancel ended it; v2: `RELEASED` when it left its idle time on request. */
      task_state: z.string().optional(),
      teardown_problem,
    }),
  }),
  z.object({
    type: z.literal('task_failed'),
    message_id,
    data: z.looseObject({
      ...ofTask,
      message: z.string(),
      /** A reason that this server does not know counts as `unknown`. */
      failure_reason: z.enum(failureReasons).catch('unknown').optional(),
      /** 128 + signal for a killed process; left out when 0 or unknown. */
      exit_code: z.int().optional(),
      teardown_problem,
    }),
  }),
  z.object({
    type: z.literal('task_rejected'),
    message_id,
    data: z.looseObject({
      ...ofTask,
      reason: z.string(),
      /** v2: `not_accepted` is for good, for this task and this worker; absent, it is full or otherwise not ready now. */
      code: z.enum(['not_accepted', 'not_ready']).catch('not_ready').optional(),
    }),
  }),
  z.object({ type: z.literal('heartbeat'), data: z.unknown().optional() }),
  /** All that follow: v2 only. */
  z.object({ type: z.literal('hello'), data: helloSchema }),
  z.object({ type: z.literal('capacity'), data: capacitySchema }),
  /** `preparing`: its setup runs. `ending`: its agent is over, its teardown may run. */
  z.object({
    type: z.literal('task_phase'),
    message_id,
    data: executionSchema.extend({ phase: z.enum(['preparing', 'ending']) }),
  }),
  /** `offset`: masked bytes of the stream before this chunk. */
  z.object({
    type: z.literal('console'),
    data: executionSchema.extend({ stream: consoleStreamSchema, offset: z.int().min(0), data: z.base64() }),
  }),
]);
export type WorkerMessage = z.infer<typeof workerMessageSchema>;

/** What a daemon says of one task; all else is of the daemon itself, or console. */
export type TaskMessage = Extract<WorkerMessage, { type: `task_${string}` }>;
