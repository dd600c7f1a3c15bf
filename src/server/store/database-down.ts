/** Postgres' classes and codes of errors that say: not now. */
const unavailable = /^(08|57P0|53300)/;

/** Postgres' class of errors about resources that are used up. */
const short = /^53\d{3}$/;

/** Whether an error means that the database has no room for what it was asked to do: a full disk above all. */
export function isDatabaseShort(error: unknown): boolean {
  return error instanceof Error && short.test((error as NodeJS.ErrnoException).code ?? '');
}

/** Whether an error means that the database cannot be reached at the moment, rather than that a query is wrong. */
export function isDatabaseDown(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const { code, syscall } = error as NodeJS.ErrnoException;
  if (code !== undefined && unavailable.test(code)) return true;
  if (syscall === 'connect' || code === 'ECONNRESET' || code === 'EPIPE') return true;
  // The driver gives these no code.
  return /^Connection terminated|timeout exceeded when trying to connect|Client has encountered a connection error|^Client was closed|^Postgres connection has been discarded/.test(
    error.message,
  );
}
