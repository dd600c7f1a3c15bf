import { expect, test } from 'vitest';
import { createMasker } from './masker.ts';

test('a secret is replaced, ordinary text is not', () => {
  expect(maskWhole(['hunter22'], 'the password is hunter22.')).toBe('the password is ***.');
});

test('a secret split over two chunks is replaced', () => {
  const masker = createMasker(['hunter22']);
  expect(masker.push(Buffer.from('say hunt')).toString()).toBe('say ');
  expect(masker.push(Buffer.from('er22 now')).toString()).toBe('*** now');
});

test('overlapping secrets are hidden together', () => {
  expect(maskWhole(['abcdef', 'defghi'], 'xabcdefghix')).toBe('x***x');
  expect(maskWhole(['abc', 'abcdef'], 'abcdef abcx')).toBe('*** ***x');
});

test('a text that only begins like a secret comes out, with the byte that decides it', () => {
  const masker = createMasker(['hunter22']);
  expect(masker.push(Buffer.from('hunt')).toString()).toBe('');
  expect(masker.push(Buffer.from('ing')).toString()).toBe('hunting');
});

test('a pause shows at most three bytes of a secret, and the rest stays hidden', () => {
  const masker = createMasker(['hunter22']);
  masker.push(Buffer.from('hu'));
  expect(masker.flush().toString()).toBe('hu');
  expect(masker.push(Buffer.from('nter22!')).toString()).toBe('***!');
});

test('a pause in the middle of a secret shows nothing of it', () => {
  const masker = createMasker(['hunter22']);
  masker.push(Buffer.from('hunter'));
  expect(masker.flush().toString()).toBe('***');
  expect(masker.flush().toString()).toBe('');
  expect(masker.push(Buffer.from('22!')).toString()).toBe('!');
});

test('after a pause that masked too much, what follows comes out as it is', () => {
  const masker = createMasker(['hunter22']);
  masker.push(Buffer.from('hunt'));
  expect(masker.flush().toString()).toBe('***');
  expect(masker.push(Buffer.from('ing hunter22')).toString()).toBe('ing ***');
});

test('without secrets, and with empty ones, bytes pass through untouched', () => {
  const bytes = Buffer.from([0xff, 0x00, 0xc3, 0x28]);
  expect(createMasker([]).push(bytes)).toEqual(bytes);
  expect(createMasker(['']).push(bytes)).toEqual(bytes);
});

test('however a stream is cut, the same comes out and no secret in it', () => {
  const random = mulberry32(7);
  for (let round = 0; round < 2000; round += 1) {
    const secrets = Array.from({ length: 1 + Math.floor(random() * 3) }, () => randomText(random, 1 + random() * 6));
    const text = randomText(random, random() * 60);
    const masked = maskInPieces(secrets, text, random);
    expect(masked, `${JSON.stringify(secrets)} in ${text}`).toBe(maskWhole(secrets, text));
    for (const secret of secrets) expect(masked.includes(secret)).toBe(false);
  }
});

test('however a stream is cut and flushed, no secret of more than three bytes comes out', () => {
  const random = mulberry32(11);
  for (let round = 0; round < 2000; round += 1) {
    const secret = randomText(random, 4 + random() * 5);
    const masker = createMasker([secret]);
    let shown = '';
    for (const piece of pieces(secret + randomText(random, 20) + secret, random)) {
      shown += masker.push(Buffer.from(piece)).toString();
      if (random() < 0.3) shown += masker.flush().toString();
    }
    expect((shown + masker.flush().toString()).includes(secret)).toBe(false);
  }
});

test.each([
  ['a line of it', 'hunter22-of-line-two'],
  ['base64', Buffer.from('hunter22-first\nhunter22-of-line-two').toString('base64')],
  ['base64 of one line', Buffer.from('hunter22-of-line-two').toString('base64')],
  ['JSON', JSON.stringify('hunter22-first\nhunter22-of-line-two').slice(1, -1)],
  ['a URL', encodeURIComponent('hunter22-first\nhunter22-of-line-two')],
])('of a secret with two lines, %s is hidden', (_form, text) => {
  expect(maskWhole(['hunter22-first\nhunter22-of-line-two'], `<${text}>`)).toMatch(/^<(\*\*\*)+=*>$/);
});

test('a secret within a longer base64 text is hidden, wherever it begins, in both alphabets', () => {
  const secret = 'wk-~~~???>>>-hunter22';
  for (const before of ['', 'a', 'ab', 'abc']) {
    for (const encoding of ['base64', 'base64url'] as const) {
      const encoded = Buffer.from(`${before}${secret}:x`).toString(encoding);
      const masked = maskWhole([secret], encoded);
      // What shares a character with its neighbours stays: less than a byte on either side.
      expect(masked.replaceAll('*', '').length).toBeLessThanOrEqual(encoded.length - 24);
      expect(masked).toContain('***');
    }
  }
});

test.each([76, 64])('a long secret in base64 of %i columns is hidden', (columns) => {
  const secret = Array.from({ length: 40 }, (_, index) => `word${index}`).join('-');
  const wrapped =
    Buffer.from(secret)
      .toString('base64')
      .match(new RegExp(`.{1,${columns}}`, 'g')) ?? [];
  const left = maskWhole([secret], wrapped.join('\n')).replaceAll(/[*\n]/g, '');
  expect(left.length).toBeLessThanOrEqual(2);
});

test('the frame of a key is no secret', () => {
  const [key, other] = ['hunter22-key', 'something-else'].map(
    (text) => `-----BEGIN KEY-----\n${text}\n-----END KEY-----`,
  );
  expect(maskWhole([key ?? ''], `${other}\n${key}`)).toBe(`${other}\n***`);
});

test('however a stream of encoded secrets is cut, the same comes out and no form of a secret in it', () => {
  const random = mulberry32(13);
  for (let round = 0; round < 300; round += 1) {
    const secret = `${randomText(random, 8 + random() * 40)}\n${randomText(random, 8 + random() * 20)}`;
    const noise = () => randomText(random, random() * 30);
    const forms = [secret, Buffer.from(secret).toString('base64'), JSON.stringify(secret), encodeURIComponent(secret)];
    const text = forms.map((form) => noise() + form).join(' ');
    const masked = maskInPieces([secret], text, random);
    expect(masked).toBe(maskWhole([secret], text));
    for (const form of [...forms, ...secret.split('\n')]) expect(masked.includes(form)).toBe(false);
  }
});

function maskWhole(secrets: string[], text: string): string {
  const masker = createMasker(secrets);
  return masker.push(Buffer.from(text)).toString() + masker.flush().toString();
}

function maskInPieces(secrets: string[], text: string, random: () => number): string {
  const masker = createMasker(secrets);
  const shown = pieces(text, random).map((piece) => masker.push(Buffer.from(piece)).toString());
  return shown.join('') + masker.flush().toString();
}

function pieces(text: string, random: () => number): string[] {
  const cuts: string[] = [];
  for (let at = 0; at < text.length;) {
    const length = 1 + Math.floor(random() * 5);
    cuts.push(text.slice(at, at + length));
    at += length;
  }
  return cuts;
}

/** Few letters, so that secrets overlap and begin within each other. */
function randomText(random: () => number, length: number): string {
  return Array.from({ length: Math.floor(length) }, () => 'abc'[Math.floor(random() * 3)]).join('');
}

/** A seeded generator: a failing case can be run again. */
function mulberry32(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}
