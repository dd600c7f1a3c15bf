import { expect, test } from 'vitest';
import { createRunOf } from './run-form.ts';

test('a form becomes a request, with what was left empty left out', () => {
  expect(createRunOf(form({ prompt: 'echo 1\r\necho 2', harness: 'shell', host: '', title: ' ' }))).toEqual({
    body: { prompt: 'echo 1\necho 2', config: { harness: { type: 'shell' } } },
  });
});

test('a host and a title are passed on', () => {
  const { body } = createRunOf(form({ prompt: 'ls', harness: 'shell', host: 'gpu-1', title: 'List' }));
  expect(body).toMatchObject({ title: 'List', config: { worker_host: 'gpu-1' } });
});

test('an empty prompt, or one that is too long, is refused in words', () => {
  expect(createRunOf(form({ prompt: ' \n', harness: 'shell' })).problem).toBe('A run needs a prompt.');
  const { problem } = createRunOf(form({ prompt: 'x'.repeat(1_048_577), harness: 'shell' }));
  expect(problem).toMatch(/^The field `prompt`: /);
});

function form(fields: Record<string, string>): Map<string, string> {
  return new Map(Object.entries(fields));
}
