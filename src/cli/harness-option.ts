import { InvalidArgumentError, Option } from 'commander';
import type { HarnessType } from '../protocol/runs.ts';

/** By the names that the command line takes. */
const harnesses: Record<string, HarnessType> = {
  oz: 'oz',
  claude: 'claude',
  'claude-code': 'claude',
  opencode: 'opencode',
  'open-code': 'opencode',
  gemini: 'gemini',
  codex: 'codex',
  shell: 'shell',
};

export function harnessOption(): Option {
  const option = new Option(
    '--harness <HARNESS>',
    'what does the thinking: shell; not in this version yet: oz (the default), claude, codex, gemini, opencode',
  );
  return option.argParser((value): HarnessType => {
    const harness = harnesses[value];
    if (harness !== undefined) return harness;
    throw new InvalidArgumentError(`Allowed choices are ${Object.keys(harnesses).join(', ')}.`);
  });
}
