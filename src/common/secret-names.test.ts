import { expect, test } from 'vitest';
import { looksSecret, secretValues } from './secret-names.ts';

test.each(['GITHUB_TOKEN', 'WARP_API_KEY', 'CLIENT_SECRET', 'dbPassword', 'GCP_CREDENTIALS_JSON', 'SSH_PASSPHRASE'])(
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

test('the password within a URL is a secret, whatever the variable is called', () => {
  expect(
    secretValues({ DATABASE_URL: 'postgres://app:p%40ssw0rd@db/x', HOMEPAGE: 'https://example.com/a:b@c' }),
  ).toEqual(['p%40ssw0rd', 'p@ssw0rd']);
});

test('the headers for a metrics collector are secrets, each by itself too', () => {
  const headers = 'authorization=Bearer%20abc,x-key=tenant-key';
  expect(secretValues({ OTEL_EXPORTER_OTLP_HEADERS: headers })).toEqual([headers, 'Bearer%20abc', 'tenant-key']);
});
