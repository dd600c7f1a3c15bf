import { expect, test, vi } from 'vitest';
import type { Logger } from '../../common/logger.ts';
import { quiet } from './quiet-exporter.ts';

test('the first failure is told, and the recovery', () => {
  const { told, exportWith } = start(true);
  [0, 1, 1, 0, 0, 1].forEach(exportWith);
  expect(told).toEqual([
    'warn Metrics cannot be exported: refused',
    'info Metrics are exported again',
    'warn Metrics cannot be exported: refused',
  ]);
});

test('nobody is warned of a collector that nobody asked for', () => {
  const { told, exportWith } = start(false);
  [1, 1].forEach(exportWith);
  expect(told).toEqual(['debug Metrics cannot be exported: refused']);
});

function start(isAskedFor: boolean) {
  const told: string[] = [];
  const log = Object.fromEntries(
    ['debug', 'info', 'warn'].map((level) => [level, (line: string) => told.push(`${level} ${line}`)]),
  ) as unknown as Logger;
  const inner = {
    export: (code: number, done: (result: { code: number; error?: Error }) => void) =>
      done(code === 0 ? { code } : { code, error: new Error('refused') }),
  };
  const exporter = quiet(inner, { what: 'Metrics', isAskedFor, log });
  const exportWith = (code: number) => {
    const done = vi.fn<(result: { code: number }) => void>();
    exporter.export(code, done);
    expect(done).toHaveBeenCalledWith(expect.objectContaining({ code }));
  };
  return { told, exportWith };
}
