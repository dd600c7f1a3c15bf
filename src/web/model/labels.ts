import type { HarnessType, RunItem, RunSource } from '../../protocol/runs.ts';
import type { RunState } from '../../protocol/states.ts';

export const stateLabels: Record<RunState, string> = {
  QUEUED: 'Queued',
  PENDING: 'Offered',
  CLAIMED: 'Claimed',
  INPROGRESS: 'In progress',
  BLOCKED: 'Blocked',
  SUCCEEDED: 'Succeeded',
  FAILED: 'Failed',
  ERROR: 'Error',
  CANCELLED: 'Cancelled',
};

export const sourceLabels: Record<RunSource, string> = {
  LINEAR: 'Linear',
  API: 'API',
  SLACK: 'Slack',
  LOCAL: 'Local',
  SCHEDULED_AGENT: 'Schedule',
  WEB_APP: 'Web app',
  GITHUB_ACTION: 'GitHub',
  CLOUD_MODE: 'Cloud mode',
  CLI: 'CLI',
};

/** In the order in which the form offers them. */
export const harnesses: readonly { type: HarnessType; label: string; built: boolean }[] = [
  { type: 'shell', label: 'shell', built: true },
  { type: 'oz', label: 'oz', built: false },
  { type: 'claude', label: 'claude', built: false },
  { type: 'codex', label: 'codex', built: false },
  { type: 'gemini', label: 'gemini', built: false },
  { type: 'opencode', label: 'opencode', built: false },
];

export function harnessLabel(run: RunItem): string {
  return run.agent_config.harness?.type ?? 'oz';
}

/** The official API spells "any worker" in three ways. */
export function hostLabel(run: RunItem): string {
  const host = run.agent_config.worker_host;
  return !host || host === 'warp' ? 'any' : host;
}
