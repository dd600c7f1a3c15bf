import type { ExecutionId } from '../../protocol/ids.ts';
import type { AgentConfig } from '../../protocol/runs.ts';
import { configSnapshotSchema, type Assignment, type ConfigSnapshot } from '../../protocol/worker-link.ts';
import type { OfferedRun } from './transition.ts';

/** What a worker is sent about a task. A stock daemon drops a message with a value of the wrong type: types are exact. */
export function assignmentOf(run: OfferedRun, executionId: ExecutionId, token: string): Assignment {
  return {
    task_id: run.id,
    execution_id: executionId,
    task: {
      id: run.id,
      title: run.title,
      task_definition: { prompt: run.prompt },
      created_at: run.created_at.toISOString(),
      updated_at: run.updated_at.toISOString(),
      owner: { Type: 'TEAM', Id: run.team_number },
      agent_config_snapshot: snapshotOf(run.config),
    },
    env_vars: { WARP_API_KEY: token },
    ...(run.fence_after_seconds !== null && { fence_after_seconds: run.fence_after_seconds }),
  };
}

/** The fields that the official protocol knows; one whose value is not of its type is left out. */
function snapshotOf(config: AgentConfig): ConfigSnapshot {
  const known = Object.entries(configSnapshotSchema.shape).flatMap(([field, schema]) => {
    const parsed = schema.safeParse(config[field]);
    return parsed.success && parsed.data !== undefined ? [[field, parsed.data] as const] : [];
  });
  return Object.fromEntries(known);
}
