import { execFile, execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { accessSync, chownSync, constants, mkdirSync, readFileSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, onTestFinished, test } from 'vitest';

/** What a service manager gives a service that runs as somebody else than root: a group with some of its files. */
const nobody = 65_534;
const given = ['', 'cgroup.procs', 'cgroup.subtree_control', 'cgroup.threads'];
const mount = process.getuid?.() === 0 ? findMount() : undefined;

test.skipIf(mount === undefined || !canNobodyRunThis())(
  'a group that is delegated to a user holds what that user starts, and ends it (needs root, cgroup v2, and a checkout that others may read)',
  async () => {
    const group = join(mount ?? '', `delegated-${randomUUID()}`);
    mkdirSync(group);
    onTestFinished(() => rmdirSync(group));
    for (const file of given) chownSync(join(group, file), nobody, nobody);
    const program = `
      import { openContainments } from '${new URL('../containments.ts', import.meta.url).href}';
      import { systemClock } from '${new URL('../../common/clock.ts', import.meta.url).href}';
      const { description } = await openContainments({ choice: 'cgroup', limits: {} }, { clock: systemClock });
      console.log(description[0]);`;
    const enter = 'echo 0 >"$0/cgroup.procs" && exec setpriv --reuid "$1" --regid "$1" --clear-groups "$2" -e "$3"';
    const args = ['-c', enter, group, String(nobody), process.execPath, program];
    const { stdout } = await promisify(execFile)('/bin/sh', args, { cwd: '/' });
    expect(stdout).toBe(
      `Processes are held in cgroups below ${group}: none gets away that has not the rights of this program and sets out to.\n`,
    );
  },
);

function findMount(): string | undefined {
  try {
    const found = /^\S+ (\S+) cgroup2 /m.exec(readFileSync('/proc/mounts', 'utf8'))?.[1];
    if (found !== undefined) accessSync(join(found, 'cgroup.procs'), constants.W_OK);
    return found;
  } catch {
    // No Linux, or a container that may not write there.
    return undefined;
  }
}

function canNobodyRunThis(): boolean {
  try {
    execFileSync(process.execPath, ['--check', new URL('../containments.ts', import.meta.url).pathname], {
      uid: nobody,
      gid: nobody,
      cwd: '/',
      stdio: 'ignore',
    });
    return true;
  } catch {
    // It lies in somebody's home.
    return false;
  }
}
