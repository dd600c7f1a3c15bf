import { homedir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { readConfig, settings } from './config.ts';

test('without flags and environment everything has its default', () => {
  expect(readConfig({}, {})).toMatchObject({
    host: '127.0.0.1',
    port: 8080,
    dataDir: join(homedir(), '.local', 'state', 'emerald'),
    logLevel: 'info',
    offerTimeout: 10_000,
    cancelTimeout: 60_000,
    queueExpiry: 86_400_000,
    runTimeLimit: 43_200_000,
    lease: 45_000,
    lostAfter: 600_000,
    retryAfter: 120_000,
    maxAttempts: 1,
    databaseUrl: undefined,
    masterKey: undefined,
  });
});

test('a flag beats the environment, and an empty variable counts as unset', () => {
  const config = readConfig({ port: '1' }, { OZ_PORT: '2', OZ_HOST: '', OZ_LOST_AFTER: '1h30m' });
  expect(config).toMatchObject({ port: 1, host: '127.0.0.1', lostAfter: 5_400_000 });
});

test('a bad value is refused in words that name it', () => {
  expect(() => readConfig({ port: '80a' }, {})).toThrow('--port "80a" must be a port number.');
  expect(() => readConfig({}, { OZ_PORT: '99999' })).toThrow('OZ_PORT "99999" must be at most 65535.');
  expect(() => readConfig({ offerTimeout: '10' }, {})).toThrow('--offer-timeout "10" must be a duration');
  expect(() => readConfig({ publicUrl: 'oz.test' }, {})).toThrow('--public-url "oz.test" must be an http');
});

test('a bad secret is named but not shown', () => {
  expect(() => readConfig({}, { OZ_MASTER_KEY: 'hunter2' })).toThrow(/^OZ_MASTER_KEY must be 32 bytes(?!.*hunter2)/);
});

test('the master key is read in base64 and in hexadecimal', () => {
  const key = Buffer.alloc(32, 7);
  expect(readConfig({}, { OZ_MASTER_KEY: key.toString('base64') }).masterKey).toEqual(key);
  expect(readConfig({}, { OZ_MASTER_KEY: key.toString('hex') }).masterKey).toEqual(key);
});

const flagged = settings.filter(({ flag }) => flag !== undefined);

test.each(flagged)('$flag can be given as $env', ({ flag, env }) => {
  const name = flag?.slice('--'.length).split(' ')[0];
  expect(env).toBe(`OZ_${name?.toUpperCase().replaceAll('-', '_')}`);
});
