import { expect, test } from 'vitest';
import { parseConfigFile } from './config-file.ts';

const read = (...lines: string[]) => parseConfigFile(lines.join('\n'), 'worker.yaml');

test('the file that users have is read', () => {
  const file = read(
    'worker_id: "direct-worker"',
    'max_concurrent_tasks: 2',
    'backend:',
    '  direct:',
    '    workspace_root: "/var/lib/oz/workspaces"',
    '    environment:',
    '      - name: MY_VAR',
    '        value: "hello"',
    '      - name: INHERITED',
  );
  expect(file.max_concurrent_tasks).toBe(2);
  expect(file.backend?.direct?.environment).toEqual([{ name: 'MY_VAR', value: 'hello' }, { name: 'INHERITED' }]);
});

test('a backend without keys of its own is named all the same', () => {
  expect(read('backend:', '  direct:').backend).toEqual({ direct: {} });
});

test('what is wanted as a string is taken as it was written, and a key without a value is not there', () => {
  const environment = [
    '[{ name: A, value: 0777 }',
    '{ name: B, value: true }',
    '{ name: C, value: }',
    '{ name: D, value: "" }]',
  ];
  const file = read(
    'worker_id: 12',
    'idle_on_complete:',
    'backend:',
    '  direct:',
    `    environment: ${environment.join()}`,
  );
  expect(file).toMatchObject({ worker_id: '12', idle_on_complete: undefined });
  expect(file.backend?.direct?.environment?.map(({ value }) => value)).toEqual(['0777', 'true', undefined, '']);
});

test.each([
  [['cleanup: maybe'], 'worker.yaml, line 1: cleanup: must be true or false; it is "maybe"'],
  [['worker_id: a', 'workers: b'], 'worker.yaml, line 2: workers: is not a known key'],
  [['backend:', '  direct:', '    workspace: /x'], 'worker.yaml, line 3: backend.direct.workspace: is not a known key'],
  [['worker_id: a', 'worker_id: b'], 'worker.yaml, line 2: worker_id: stands here a second time'],
  [
    ['backend:', '  direct: {}', '  docker: {}'],
    'worker.yaml, line 2: backend: names direct and docker; one backend at most can be configured',
  ],
  [['', '# nothing'], 'worker.yaml is empty.'],
  [['max_concurrent_tasks: many'], 'worker.yaml, line 1: max_concurrent_tasks: must be a whole number; it is "many"'],
  [['backend:', '  command: {}'], 'backend.command.dispatch_command: Invalid input: expected string'],
  [['backend:', '  command:', '    dispatch_command: x', '    dispatch_timeout: soon'], 'must be a duration'],
  [
    ['backend:', '  direct:', '    environment:', '      - name: "A B"'],
    'environment.0.name: must not contain whitespace or =; it is "A B"',
  ],
  [['a: [1'], 'worker.yaml, line 1'],
  [['just text'], 'worker.yaml, line 1: the file: Invalid input: expected object'],
])('%j is refused in one line that names the culprit', (lines, message) => {
  expect(() => read(...lines)).toThrow(message);
  expect(() => read(...lines)).not.toThrow('\n');
});
