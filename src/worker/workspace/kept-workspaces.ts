import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { removeTree } from './remove-tree.ts';

/** `<task id>.kept-20260131T235959123Z`: in the order of time, and of a form that nobody else gives a name. */
export function keptName(workspace: string, at: number): string {
  return `${workspace}.kept-${new Date(at).toISOString().replaceAll(/[-:.]/g, '')}`;
}

/**
 * Removes the workspaces that were moved aside before `before`, in milliseconds since the Unix epoch, and returns their
 * names. Whatever else is in the workspace root is somebody's.
 */
export async function removeKeptWorkspaces(workspaceRoot: string, before: number): Promise<string[]> {
  const names = (await readdir(workspaceRoot)).filter((name) => (keptAt(name) ?? Infinity) < before);
  for (const name of names) await removeTree(join(workspaceRoot, name));
  return names;
}

export function isKeptName(name: string): boolean {
  return keptAt(name) !== undefined;
}

function keptAt(name: string): number | undefined {
  const match = /^[0-9a-f-]{36}\.kept-(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)(\d{3})Z$/.exec(name);
  if (match === null) return undefined;
  const [, year, month, day, hour, minute, second, milliseconds] = match;
  return Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}.${milliseconds}Z`);
}
