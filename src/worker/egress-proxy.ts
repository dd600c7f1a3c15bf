import { once } from 'node:events';
import { chmod, lchown, rm } from 'node:fs/promises';
import { socketName, type ProxyTask } from './backends/direct/isolation/egress/egress.ts';
import { createProxy } from './backends/direct/isolation/egress/proxy.ts';
import { readArguments, standInFor } from './backends/direct/isolation/egress/stand-in.ts';

/**
 * The proxy of one task's sandbox, and the parent of that sandbox. What it refuses is told on the agent's console. It
 * starts the sandbox with the rights that it takes, and has given them up before it hears a word of the task.
 */
const { task: told, command } = readArguments(process.argv.slice(2));
const task = told as ProxyTask;
const directory = process.cwd();
// The path of a socket must be short, and the folder's may not be.
process.chdir(task.folder);
const server = createProxy(task.allow, (line) => void process.stderr.write(`${line}\n`));
await rm(socketName, { force: true });
server.listen(socketName);
await once(server, 'listening');
await chmod(socketName, 0o600);
if (task.user !== null) await lchown(socketName, task.user.uid, task.user.gid);
const ended = standInFor(command, directory);
if (task.user !== null) {
  process.setgroups?.([]);
  process.setgid?.(task.user.gid);
  process.setuid?.(task.user.uid);
}
process.exit(await ended);
