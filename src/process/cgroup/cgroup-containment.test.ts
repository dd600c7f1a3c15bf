import { randomUUID } from 'node:crypto';
import { accessSync, constants, existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { processesWith, processTools as tools, startScript } from '../../../test/helpers/recorded.ts';
import { cgroupContainment } from './cgroup-containment.ts';
import { parseOwnGroup } from './own-group.ts';

const { freezer = '' } = ownGroup();

test.skipIf(!isWritable(freezer))(
  'with version 1 alone, the frozen are killed (skipped without its freezer)',
  async () => {
    const folder = join(freezer, `test-${randomUUID()}`);
    mkdirSync(folder);
    const containment = cgroupContainment({ kind: 'cgroup', folders: { freezer: folder }, limits: {} }, tools.clock);
    onTestFinished(() => containment.remove());
    const tag = randomUUID();
    const script = `echo ready; setsid env -i /bin/sh -c 'while :; do (/bin/sleep 0.01 &); done' ${tag}`;
    await startScript(script, { containment, until: 'ready' });
    await vi.waitFor(async () => expect((await processesWith(tag)).length).toBeGreaterThan(1));
    await containment.kill();
    expect(await containment.survivors()).toEqual([]);
    await vi.waitFor(async () => expect(await processesWith(tag)).toEqual([]));
    await containment.remove();
    expect(existsSync(folder)).toBe(false);
  },
);

function ownGroup() {
  if (!existsSync('/proc/self/mountinfo')) return {};
  return parseOwnGroup(readFileSync('/proc/self/mountinfo', 'utf8'), readFileSync('/proc/self/cgroup', 'utf8'));
}

function isWritable(folder: string): boolean {
  try {
    accessSync(join(folder, 'cgroup.procs'), constants.W_OK);
    return true;
  } catch {
    return false;
  }
}
