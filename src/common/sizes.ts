const units = { '': 1, B: 1, K: 2 ** 10, M: 2 ** 20, G: 2 ** 30, T: 2 ** 40 } as const;

/** Bytes of a size such as `512MiB`, `2G` or `1048576`; units are powers of 1024. Undefined for anything else, and for 0. */
export function parseSize(text: string): number | undefined {
  const [, amount, unit] = /^(\d+(?:\.\d+)?)\s*(|B|[KMGT])(?:i?B)?$/i.exec(text.trim()) ?? [];
  if (amount === undefined || unit === undefined) return undefined;
  const bytes = Math.round(Number(amount) * units[unit.toUpperCase() as keyof typeof units]);
  return bytes > 0 && Number.isSafeInteger(bytes) ? bytes : undefined;
}
