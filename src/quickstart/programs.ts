import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Clock } from '../common/clock.ts';
import { startChild, type ChildProgram } from './child-program.ts';
import type { ClientSettings } from './env-file.ts';
import { QuickstartError } from './quickstart-error.ts';

/** How `npm start` calls the programs, in one place. */
export interface Programs {
  startServer(port: number): ChildProgram;
  startWorker(settings: ClientSettings): Promise<ChildProgram>;
  createApiKey(): Promise<string>;
  createSignInLink(): Promise<string>;
}

/** The worker id of the worker that is started beside the server. */
export const localWorkerId = 'local';

const execute = promisify(execFile);

export interface ProgramsOptions {
  /** The package's own folder. */
  root: string;
  dataDir: string;
  env: NodeJS.ProcessEnv;
  clock: Clock;
}

export function createPrograms({ root, dataDir, env, clock }: ProgramsOptions): Programs {
  const bin = (program: string) => join(root, 'bin', `${program}.js`);
  const ownEnv = withoutSettings(env);

  return {
    startServer: (port) =>
      startChild({
        name: 'oz-server',
        script: bin('oz-server'),
        args: ['--host', '127.0.0.1', '--port', String(port), '--data-dir', dataDir],
        env: ownEnv,
        logFile: join(dataDir, 'server.log'),
        clock,
      }),
    async startWorker({ url, apiKey }) {
      return startChild({
        name: 'oz-agent-worker',
        script: bin('oz-agent-worker'),
        args: ['--config-file', await writeWorkerConfig(dataDir)],
        // Not among the arguments: every user of the machine can read those.
        env: { ...ownEnv, WARP_SERVER_ROOT_URL: url, WARP_API_KEY: apiKey },
        logFile: join(dataDir, 'worker.log'),
        clock,
      });
    },
    async createApiKey() {
      const answer = await runServerCommand(['api-key', 'create', '--name', 'quickstart', '--output-format', 'json']);
      return (JSON.parse(answer) as { raw_api_key: string }).raw_api_key;
    },
    createSignInLink: async () => (await runServerCommand(['sign-in-link'])).trim(),
  };

  async function runServerCommand(args: string[]): Promise<string> {
    const command = [bin('oz-server'), ...args, '--data-dir', dataDir];
    try {
      return (await execute(process.execPath, command, { env: ownEnv })).stdout;
    } catch (error) {
      const { stderr } = error as { stderr?: string };
      throw new QuickstartError(`oz-server ${args[0]} failed: ${stderr?.trim() || String(error)}`);
    }
  }
}

/**
 * The settings of other servers and databases that this shell happens to have. What `npm start` starts is the same on
 * every machine: in particular it never migrates the database of somebody else's DATABASE_URL.
 */
function withoutSettings(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const isSetting = (name: string) => name === 'DATABASE_URL' || /^(WARP_|OZ_|PG[A-Z])/.test(name);
  return Object.fromEntries(Object.entries(env).filter(([name]) => !isSetting(name)));
}

/** Written anew at every start: the data folder may have been moved. JSON is YAML too. */
async function writeWorkerConfig(dataDir: string): Promise<string> {
  const config = {
    worker_id: localWorkerId,
    max_concurrent_tasks: 4,
    // In the data folder: what another one's worker was doing is none of this one's business.
    state_dir: join(dataDir, 'worker'),
    on_shutdown: 'cancel',
    backend: { direct: { workspace_root: join(dataDir, 'workspaces') } },
  };
  const path = join(dataDir, 'worker.yaml');
  await writeFile(path, `# Written by npm start, at every start.\n${JSON.stringify(config, null, 2)}\n`);
  return path;
}
