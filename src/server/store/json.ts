/** Text for a jsonb column. NUL and halves of surrogate pairs, which Postgres refuses there, become U+FFFD. */
export function toJson(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) => {
    if (typeof inner === 'string') return storable(inner);
    return isRecord(inner) ? withStorableKeys(inner) : inner;
  });
}

/** The same for a text column. */
export function storable(text: string): string {
  return text.replaceAll('\0', '\uFFFD').toWellFormed();
}

function withStorableKeys(record: object): object {
  if (Object.keys(record).every((key) => storable(key) === key)) return record;
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [storable(key), value as unknown]));
}

function isRecord(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
