import { execFile } from 'node:child_process';
import { dirname } from 'node:path';
import { promisify } from 'node:util';
import { systemClock } from '../../common/clock.ts';
import { rootReason } from '../../common/root-reason.ts';
import { openContainments } from '../../process/containments.ts';
import { createProcessTable } from '../../process/process-table.ts';
import type { TaskUser } from '../backends/direct/isolation/isolation.ts';
import { findTaskUsers } from '../backends/direct/isolation/task-user.ts';
import { whyNoSandbox } from '../backends/direct/isolation/why-no-sandbox.ts';
import { findOz } from '../backends/direct/oz-program.ts';
import type { WorkerConfig } from '../config/config.ts';
import { nearestFolder } from './check-folders.ts';
import { fail, ok, warn, type Finding } from './finding.ts';

type Environment = Readonly<Record<string, string | undefined>>;

const run = promisify(execFile);
/** For a program of the host to answer, in milliseconds. */
const answerLimit = 10_000;

export async function checkOz(config: WorkerConfig, host: Environment, beside: string): Promise<Finding[]> {
  try {
    const { oz, version } = await findOz({ configured: config.direct.ozPath, beside, host });
    return [ok('oz', `${version || 'no version'} at ${[...oz.args, oz.program][0]}`)];
  } catch (error) {
    return [fail('oz', rootReason(error), 'Install oz beside the worker, or set backend.direct.oz_path.')];
  }
}

/** What clean-up this host can promise, as far as whoever asks is set up like the worker itself. */
export async function checkContainment({ direct, limits }: WorkerConfig): Promise<Finding[]> {
  const tools = { table: createProcessTable(), clock: systemClock };
  const { memory, processes } = limits;
  try {
    const request = { choice: direct.containment, limits: { memory, processes } };
    const { kind, description } = await openContainments(request, tools);
    const [promise = kind, ...more] = description;
    if (kind !== 'environment') return [ok('containment', promise)];
    return [warn('containment', promise, more.join(' '))];
  } catch (error) {
    return [fail('containment', rootReason(error), 'Choose another containment, or leave the limits out.')];
  }
}

/** The worker itself tries more: it starts oz that way. */
export async function checkIsolation(config: WorkerConfig): Promise<Finding[]> {
  const { runAs, sandbox } = config.direct;
  return [
    ...(runAs === undefined ? [] : [await checkUsers(runAs, config)]),
    ...(sandbox === undefined ? [] : [await checkSandbox()]),
  ];
}

async function checkUsers(runAs: readonly string[], config: WorkerConfig): Promise<Finding> {
  try {
    for (const user of await findTaskUsers(runAs, config.maxConcurrentTasks)) {
      const closed = await closedTo(user, config);
      if (closed === undefined) continue;
      const advice = `Open it and the folders above it (chmod o+x), or change the setting that leads there.`;
      return fail('run_as', `${user.name ?? user.uid} cannot get to ${closed}`, advice);
    }
    return ok('run_as', `tasks can run as ${runAs.join(', ')}`);
  } catch (error) {
    return fail('run_as', rootReason(error), 'Make the users (useradd --system --create-home), or name others.');
  }
}

/** A folder that tasks need and this user cannot enter. The worker opens those that it makes; it opens none above. */
async function closedTo({ uid, gid }: TaskUser, { stateDir, direct }: WorkerConfig): Promise<string | undefined> {
  const needed = [direct.targetDir ?? dirname(direct.workspaceRoot), dirname(stateDir)];
  for (const folder of await Promise.all(needed.map(nearestFolder))) {
    const isOpen = await run('test', ['-x', folder], { uid, gid, cwd: '/' }).then(
      () => true,
      () => false,
    );
    if (!isOpen) return folder;
  }
  return undefined;
}

async function checkSandbox(): Promise<Finding> {
  const problem = await whyNoSandbox();
  if (problem === undefined) return ok('sandbox', 'bubblewrap makes sandboxes here');
  return fail('sandbox', problem.what, problem.advice);
}

/** What systemd would do to running tasks, where the worker is one of its services. */
export async function checkService({ onShutdown }: WorkerConfig): Promise<Finding[]> {
  const unit = await showUnit();
  if (unit['LoadState'] !== 'loaded') return [ok('shutdown', `${onShutdown}; not a service of systemd here`)];
  const { KillMode = '', Delegate = '' } = unit;
  if (onShutdown === 'detach' && KillMode !== 'process') {
    const advice = 'Set KillMode=process in the unit, as deploy/oz-agent-worker.service does.';
    return [fail('shutdown', `detach, but systemd kills the tasks too: KillMode=${KillMode}`, advice)];
  }
  if (Delegate === 'yes') return [ok('shutdown', `${onShutdown}; KillMode=${KillMode}, Delegate=yes`)];
  const advice = 'Set Delegate=yes in the unit, as deploy/oz-agent-worker.service does.';
  return [warn('shutdown', `${onShutdown}; the service has no cgroup of its own to hold tasks in`, advice)];
}

async function showUnit(): Promise<Record<string, string>> {
  try {
    const args = ['show', 'oz-agent-worker.service', '--property=LoadState,KillMode,Delegate'];
    const { stdout } = await run('systemctl', args, { timeout: answerLimit });
    return Object.fromEntries(stdout.split('\n').map((line) => line.split('=', 2) as [string, string]));
  } catch {
    // No systemd, or none that runs: the worker is no service of it.
    return {};
  }
}
