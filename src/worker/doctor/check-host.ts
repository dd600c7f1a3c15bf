import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { systemClock } from '../../common/clock.ts';
import { rootReason } from '../../common/root-reason.ts';
import { openContainments } from '../../process/containments.ts';
import { createProcessTable } from '../../process/process-table.ts';
import { findOz } from '../backends/direct/oz-program.ts';
import type { WorkerConfig } from '../config/config.ts';
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

export async function checkIsolation({ direct }: WorkerConfig): Promise<Finding[]> {
  const { runAs = [], sandbox } = direct;
  const users = await Promise.all(runAs.map(checkUser));
  return [...users, ...(sandbox === undefined ? [] : [await checkSandbox()])];
}

async function checkUser(name: string): Promise<Finding> {
  if (process.getuid?.() !== 0) {
    return fail('run_as', `tasks are to run as ${name}`, 'Start the worker as root: nobody else may change the user.');
  }
  if (/^\d+$/.test(name) || (await answers('id', ['-u', name]))) return ok('run_as', `tasks can run as ${name}`);
  return fail('run_as', `there is no user ${name}`, `Make it: useradd --system --create-home ${name}`);
}

async function checkSandbox(): Promise<Finding> {
  if (!(await answers('bwrap', ['--version']))) {
    return fail('sandbox', 'bubblewrap is not installed', 'Install the package bubblewrap.');
  }
  if (await answers('bwrap', ['--unshare-all', '--ro-bind', '/', '/', '/bin/true'])) {
    return ok('sandbox', 'bubblewrap makes sandboxes here');
  }
  const advice = 'Allow user namespaces (sysctl kernel.unprivileged_userns_clone=1; AppArmor may need a profile too).';
  return fail('sandbox', 'bubblewrap cannot make a sandbox here', advice);
}

async function answers(program: string, args: string[]): Promise<boolean> {
  try {
    await run(program, args, { timeout: answerLimit });
    return true;
  } catch {
    // It is not there, or it refused: either way it is of no use.
    return false;
  }
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
