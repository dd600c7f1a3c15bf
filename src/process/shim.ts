import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { carryEnvironment } from './carried-environment.ts';
import type { ContainmentEntry } from './containment.ts';
import { findSystemProgram } from './find-program.ts';
import { beginningFile, currentBootId, exitFile } from './record.ts';
import type { RecordedCommand } from './recorded-process.ts';

/**
 * The last steps of a shell before its command, which gets the environment that it was given and no other: dash exports
 * PWD, bash some more as it executes.
 */
const execute = `
  if [ "$__carried" != 0 ] || [ -n "\${BASH_VERSION-}" ]; then
    until [ "$__carried" = 0 ]; do
      eval "set -- \\"\\$__carried_$__carried\\" \\"\\$@\\""
      unset "__carried_$__carried"
      __carried=$((__carried - 1))
    done
    set -- "$__env" -u _ -u PWD -u OLDPWD -u SHLVL -- "$@"
  fi
  unset PWD OLDPWD
  exec "$@"`;

/**
 * The shim is a shell that outlives this program, waits for one command and writes its exit code down. Its parameters:
 * the two files of the record, the boot id, three programs, how many variables are carried, the files of groups up to a
 * `--`, then the command. Descriptor 3 is the command's output.
 *
 * - It runs in a session of its own and the command in another one: no signal meant for one reaches the other.
 * - What comes before the command is done by the shell itself, without a process of its own. `$$` is the same in a
 *   subshell, `/proc/self` is not.
 * - Noclobber makes the beginning an exclusive creation: the file is there already if a later daemon closed the record.
 * - The code goes over what was reserved for it. It reaches the disk before the shim ends; nobody has to wait for that.
 */
const shim = `
__beginning=$1 __exit=$2 __boot=$3 __setsid=$4 __env=$5 __sync=$6 __carried=$7
shift 7
read -r __shim </proc/self/stat
(
  exec 2>&3
  until [ "$1" = -- ]; do
    echo 0 >"$1" || exit
    shift
  done
  shift
  read -r __command </proc/self/stat
  set -C
  echo "$__shim
$__command
$__boot" >"$__beginning" || exit
  exec >&3 3>&-
  set -- "$__setsid" "$@"
  ${execute}
)
__code=$?
read -r __owner <"$__beginning" && [ "$__owner" = "$__shim" ] || exit 1
echo $__code 1<>"$__exit"
"$__sync" -d "$__exit"
`;

/**
 * The way into a PID namespace: this shell stays outside, so that its number means the same to everybody, and its child
 * is inside. It waits for the child whatever signal the group gets, and says nothing of how the child ended.
 */
const enterNamespace = `
__carried=$1 __env=$2
cd "$3" || exit
shift 3
exec 4>&2 2>/dev/null
trap : HUP INT QUIT TERM USR1 USR2 ALRM
(
  exec 2>&4 4>&-
  ${execute}
)
exit $?
`;

/** Whether this machine has what the shim needs: Linux has, macOS has not. */
export function hasShim(): boolean {
  return currentBootId() !== '' && findSystemProgram('setsid') !== undefined;
}

/** Starts the shim of a command whose record is ready, and whose output does not exist yet. */
export function spawnShim(command: RecordedCommand, { groups, namespace }: ContainmentEntry): ChildProcess {
  const { environment, count } = carryEnvironment(command.environment);
  const env = findSystemProgram('env') ?? 'env';
  const programs = [findSystemProgram('setsid') ?? 'setsid', env, findSystemProgram('sync') ?? ':'];
  const record = [beginningFile(command.record), exitFile(command.record), currentBootId()];
  const whole = [...command.through, command.program, ...command.args];
  const inner = ['/bin/sh', '-c', enterNamespace, 'enter', String(count), env, command.directory, ...whole];
  const last =
    namespace === undefined ? [count, ...groups, '--', ...whole] : [0, ...groups, '--', ...namespace, ...inner];
  const output = openSync(command.output, 'ax', 0o600);
  try {
    return spawn('/bin/sh', ['-c', shim, 'shim', ...record, ...programs, ...last.map(String)], {
      cwd: command.directory,
      env: environment,
      stdio: ['ignore', 'ignore', 'ignore', output],
      detached: true,
    });
  } finally {
    closeSync(output);
  }
}
