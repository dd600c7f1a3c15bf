import { expect, test } from 'vitest';
import { noObserver, tellAll, type WorkerObserver } from './observer.ts';

test('each observer is told all that is said, in order', () => {
  const said: string[] = [];
  const noting = (name: string) =>
    Object.fromEntries(
      Object.keys(noObserver).map((method) => [
        method,
        (...args: unknown[]) => said.push(JSON.stringify([name, method, ...args])),
      ]),
    ) as unknown as WorkerObserver;
  const observer = tellAll([noting('a'), noObserver, noting('b')]);
  for (const tell of Object.values(observer) as ((...args: unknown[]) => void)[]) tell('x', 'y', 'z');
  const methods = said.map((line) => JSON.parse(line) as string[]);
  expect(methods.map(([name]) => name).join('')).toBe('ab'.repeat(Object.keys(noObserver).length));
  expect(new Set(methods.map(([, method]) => method))).toEqual(new Set(Object.keys(noObserver)));
  expect(methods).toContainEqual(['b', 'stageEnded', 'x', 'y', 'z']);
});
