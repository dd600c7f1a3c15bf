import { expect, test } from 'vitest';
import { configFileSchema, directKeys } from './config-file.ts';
import { createCommand, createDoctorCommand } from './flags.ts';

/** Which key of the config file says the same as which flag. */
const flagOfKey: Record<string, string> = {
  worker_id: '--worker-id',
  cleanup: '--no-cleanup',
  max_concurrent_tasks: '--max-concurrent-tasks',
  idle_on_complete: '--idle-on-complete',
  backend: '--backend',
  state_dir: '--state-dir',
  on_shutdown: '--on-shutdown',
  task_timeout: '--task-timeout',
  health_port: '--health-port',
  'backend.direct.target_dir': '--target-dir',
  'backend.direct.environment': '--env',
};

/** A property of the machine and its set-up, which is written down once. */
const fileOnly = [
  'kill_grace',
  'limits',
  'accept',
  ...['workspace_root', 'oz_path', 'setup_command', 'teardown_command', 'teardown_timeout'].map(ofDirect),
  ...['run_as', 'sandbox', 'private_tmp', 'containment'].map(ofDirect),
];

const flagOnly: Record<string, string> = {
  '--api-key': 'a secret does not belong into the file',
  '--config-file': 'names the file',
  '--log-level': 'belongs to one start, not to the machine',
  '--volumes': 'backend.docker.volumes, whose backend is not yet built',
  '--web-socket-url': 'where to, for development',
  '--server-root-url': 'where to; WARP_SERVER_ROOT_URL',
  '--session-sharing-server-url': 'where to, for development',
  '--once': 'belongs to one start',
  '--version': 'asks',
};

test('every key of the file has a flag, or is known to have none', () => {
  const known = [...Object.keys(flagOfKey), ...fileOnly];
  const keys = [...Object.keys(configFileSchema.shape), ...directKeys.map(ofDirect)];
  expect(known.sort()).toEqual(keys.sort());
});

test('every flag has a key in the file, or is known to have none', () => {
  const known = [...Object.values(flagOfKey), ...Object.keys(flagOnly)];
  const flags = createCommand().options.map(({ long }) => long ?? '');
  expect(flags.sort()).toEqual(known.sort());
});

test('the doctor takes every flag of the worker, so that the same line can be asked about', () => {
  const flagsOf = (command: ReturnType<typeof createCommand>) => command.options.map(({ flags }) => flags);
  const { 0: format, length } = flagsOf(createDoctorCommand()).filter(
    (flag) => !flagsOf(createCommand()).includes(flag),
  );
  expect([format, length]).toEqual(['--output-format <format>', 1]);
});

function ofDirect(key: string): string {
  return `backend.direct.${key}`;
}
