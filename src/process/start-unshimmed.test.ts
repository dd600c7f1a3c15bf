import { expect, test } from 'vitest';
import { processTools as tools, scriptCommand } from '../../test/helpers/recorded.ts';
import { adoptRecorded } from './adopt-recorded.ts';
import { startUnshimmed } from './start-unshimmed.ts';

test('without a shim a code is written down by this program', async () => {
  const { command, marker } = await scriptCommand('exit 3');
  const started = await startUnshimmed(command);
  expect(await started.exited).toEqual({ code: 3, signal: null });
  expect(await (await adoptRecorded(command.record, [marker], tools))?.exited).toEqual({ code: 3, signal: null });
});

test('without a shim, a command that outlived this program has no code', async () => {
  const { command, marker } = await scriptCommand('exec sleep 600');
  const started = await startUnshimmed(command);
  expect(await (await adoptRecorded(command.record, [marker], tools))?.exited).toEqual({ code: null, signal: null });
  started.signalGroup('SIGKILL');
  await started.exited;
});
