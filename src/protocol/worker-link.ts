import { z } from 'zod';
import { executionIdSchema, runIdSchema } from './ids.ts';
import { consoleStreamSchema } from './streams.ts';

/**
 * The link between a worker daemon and the server: `GET /api/v1/selfhosted/worker/ws?worker_id=…`, a WebSocket with
 * `Authorization: Bearer <key>`, one JSON object a text frame, `{type, data}`.
 *
 * Life of a task on it: `task_assignment` → `task_claimed` | `task_rejected`; then exactly one of `task_completed` and
 * `task_failed`. `task_cancellation` asks for an early end and gets no answer of its own. There is no hello: tasks run
 * on through a disconnect, and what a daemon queued meanwhile arrives on its next connection.
 *
 * A daemon that asks for the subprotocol `oz-worker.v2`, and gets it, also names the `execution_id` in what it says and
 * sends its tasks' console; with a server that answers without a subprotocol it speaks the stock protocol.
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
});
export type Assignment = z.infer<typeof assignmentSchema>;

export const serverMessageSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('task_assignment'), data: assignmentSchema }),
  z.object({ type: z.literal('task_cancellation'), data: z.looseObject({ task_id: runIdSchema }) }),
  /** v2 only. `offset`: bytes of the stream stored for good; the worker goes on from there. */
  z.object({
    type: z.literal('console_ack'),
    data: z.object({
      task_id: runIdSchema,
      execution_id: executionIdSchema,
      stream: consoleStreamSchema,
      offset: z.int().min(0),
    }),
  }),
]);
export type ServerMessage = z.infer<typeof serverMessageSchema>;

/** Bytes of console in one message, before base64, at most. */
export const maxConsoleChunk = 65_536;

/** `execution_id` is said by v2 daemons alone. */
const ofTask = { task_id: runIdSchema, execution_id: executionIdSchema.optional() };

export const workerMessageSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('task_claimed'), data: z.looseObject({ ...ofTask, worker_id: z.string() }) }),
  z.object({
    type: z.literal('task_completed'),
    data: z.looseObject({ ...ofTask, message: z.string(), task_state: z.string().optional() }),
  }),
  z.object({
    type: z.literal('task_failed'),
    data: z.looseObject({
      ...ofTask,
      message: z.string(),
      /** A reason that this server does not know counts as `unknown`. */
      failure_reason: z.enum(failureReasons).catch('unknown').optional(),
      /** 128 + signal for a killed process; left out when 0 or unknown. */
      exit_code: z.int().optional(),
    }),
  }),
  z.object({ type: z.literal('task_rejected'), data: z.looseObject({ ...ofTask, reason: z.string() }) }),
  z.object({ type: z.literal('heartbeat'), data: z.unknown() }),
  /** v2 only. `offset`: masked bytes of the stream before this chunk. */
  z.object({
    type: z.literal('console'),
    data: z.object({
      task_id: runIdSchema,
      execution_id: executionIdSchema,
      stream: consoleStreamSchema,
      offset: z.int().min(0),
      data: z.base64(),
    }),
  }),
]);
export type WorkerMessage = z.infer<typeof workerMessageSchema>;
