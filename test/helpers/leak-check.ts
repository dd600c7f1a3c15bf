import { readdirSync, readFileSync } from 'node:fs';
import { afterAll } from 'vitest';
import { sleep, systemClock } from '../../src/common/clock.ts';

/**
 * Fails a test file that leaves something behind: a child process, a listening server, an open TCP connection. Loaded
 * before the file, so its hook runs after the file's own.
 */
const patience = 5_000;
const pollPeriod = 50;
/** Node's names; pipes are not among them, because Node makes some of its own when a test first prints. */
const handles = ['TCPServerWrap', 'TCPSocketWrap', 'PipeServerWrap', 'UDPWrap'];

const before = { processes: new Set(descendants()), handles: openHandles() };

afterAll(async () => {
  const deadline = systemClock.now() + patience;
  // What a test has ended takes a moment to go: a process is reaped, an idle connection of fetch is closed.
  while (leaks().length > 0 && systemClock.now() < deadline) await sleep(systemClock, pollPeriod);
  const left = leaks();
  if (left.length > 0) throw new Error(`The tests of this file left behind: ${left.join(', ')}.`);
});

function leaks(): string[] {
  const processes = descendants().filter((pid) => !before.processes.has(pid));
  const open = openHandles();
  return [
    ...processes.map((pid) => `process ${pid} (${commandLine(pid)})`),
    ...handles.filter((name) => count(open, name) > count(before.handles, name)),
  ];
}

function openHandles(): string[] {
  return process.getActiveResourcesInfo();
}

function count(names: string[], name: string): number {
  return names.filter((other) => other === name).length;
}

/** Processes that this one has started, and those that they have. None where there is no /proc. */
function descendants(): number[] {
  const parents = readParents();
  const found: number[] = [];
  const visit = (parent: number) => {
    for (const [pid, itsParent] of parents) {
      if (itsParent !== parent) continue;
      found.push(pid);
      visit(pid);
    }
  };
  visit(process.pid);
  return found;
}

function readParents(): Map<number, number> {
  const parents = new Map<number, number>();
  for (const name of listProc()) {
    const stat = readOrEmpty(`/proc/${name}/stat`);
    // The command's name stands in parentheses and may hold anything, so what follows it is read from the end.
    const parent = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1];
    if (parent !== undefined) parents.set(Number(name), Number(parent));
  }
  return parents;
}

function listProc(): string[] {
  return process.platform === 'linux' ? readdirSync('/proc').filter((name) => /^\d+$/.test(name)) : [];
}

function commandLine(pid: number): string {
  return readOrEmpty(`/proc/${pid}/cmdline`).replaceAll('\0', ' ').trim();
}

function readOrEmpty(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    // The process has ended meanwhile.
    return '';
  }
}
