import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { errorKinds } from './errors.ts';

test('docs/errors.md lists exactly the codes of the registry, with their status, fault and retry', () => {
  const markdown = readFileSync(join(import.meta.dirname, '../../docs/errors.md'), 'utf8');
  const rows = [...markdown.matchAll(/^\| `(\w+)` +\| (\d+) +\| (\w+) +\| (\w+) +\|/gm)];
  const documented = Object.fromEntries(
    rows.map(([, code, status, fault, retry]) => [code, { status: Number(status), fault, retryable: retry === 'yes' }]),
  );
  const registered = Object.fromEntries(
    Object.entries(errorKinds).map(([code, { status, fault, retryable }]) => [code, { status, fault, retryable }]),
  );
  expect(documented).toEqual(registered);
});
