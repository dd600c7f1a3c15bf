import { expect, test } from 'vitest';
import { looksSecret, secretValues } from './secret-names.ts';

test.each(['GITHUB_TOKEN', 'WARP_API_KEY', 'CLIENT_SECRET', 'dbPassword', 'GCP_CREDENTIALS_JSON'])(
  '%s looks secret',
  (name) => expect(looksSecret(name)).toBe(true),
);

test.each(['PATH', 'KEYBOARD_LAYOUT', 'TASK_ID', 'TOKENIZER'])('%s does not look secret', (name) => {
  expect(looksSecret(name)).toBe(false);
});

test('values too short to be secrets stay visible', () => {
  expect(secretValues({ A_TOKEN: 'hunter22', B_TOKEN: 'short', C: 'no secret at all', D_KEY: undefined })).toEqual([
    'hunter22',
  ]);
});
